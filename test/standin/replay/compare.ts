import type { Placeholders } from './placeholders.js'
import type { RecordedResponse } from './recording.js'

export interface Received {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Headers whose presence and value are held; others come and go with Go and Node. */
const heldHeaders = [
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-range',
  'content-security-policy',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'location',
  'permissions-policy',
  'referrer-policy',
  'retry-after',
  'sec-websocket-version',
  'set-cookie',
  'token',
  'vary',
  'www-authenticate',
  'x-content-type-options',
  'x-frame-options',
  'x-ratelimit-limit',
  'x-request-id',
  'x-uncompressed-content-length',
  'x-version-id',
]

/** In what an answer differs from the recorded one; empty: in nothing that counts. */
export function differences(recorded: RecordedResponse, received: Received, known: Placeholders): string[] {
  const wanted = recorded.raw === undefined ? recorded : parseRaw(recorded.raw)
  const found: string[] = []
  if (wanted.status !== received.status)
    found.push(`status ${received.status}, recorded ${wanted.status ?? ''}`)
  for (const name of heldHeaders) {
    const [then, now] = [listOf(wanted.headers?.[name]), listOf(received.headers[name])]
    const same = then.length === now.length && then.every((value, at) => known.matches(value, now[at] ?? ''))
    if (!same) found.push(`${name}: ${now.join(' | ')}, recorded ${then.join(' | ')}`)
  }
  return [...found, ...bodyDifferences(wanted, received, known)]
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value
}

function bodyDifferences(wanted: RecordedResponse, received: Received, known: Placeholders): string[] {
  const { body } = wanted
  if (body === undefined || received.status === 101) return []
  if (typeof body === 'string') return textDifferences(body, received, known)
  try {
    return valueDifferences(body, JSON.parse(received.body), known, 'body')
  } catch {
    return [`body is no JSON: ${received.body.slice(0, 80)}`]
  }
}

function textDifferences(text: string, received: Received, known: Placeholders): string[] {
  const recorded = text.trimEnd()
  const asJson = recorded.indexOf('{')
  if (asJson !== -1 && asJson === received.body.indexOf('{') && recorded.endsWith('}')) {
    const [then, now] = [recorded.slice(asJson), received.body.slice(asJson)]
    const lead = recorded.slice(0, asJson) === received.body.slice(0, asJson) ? [] : ['lead of the body']
    return [...lead, ...valueDifferences(JSON.parse(unquoteTimes(then)), JSON.parse(now), known, 'body')]
  }
  // What stands in parentheses describes bytes that were not kept; pages and scripts are the web client's.
  if (/\((cut|gzip|image|an HTML|\d+ bytes)/.test(recorded) || /^(<!|console)/.test(recorded)) return []
  return known.matches(recorded, received.body.trimEnd()) ? [] : [`body ${received.body.slice(0, 80)}`]
}

/** In a text that holds JSON, a time stands without quotes. */
function unquoteTimes(text: string): string {
  return text.replaceAll(/:<MS>/g, ':"<MS>"')
}

/** Keys must be the same at every level; values too, but for texts that are for people to read. */
export function valueDifferences(then: unknown, now: unknown, known: Placeholders, at: string): string[] {
  if (typeof then === 'string') {
    if (then === '(cut)' || at.endsWith('.message')) return []
    return known.matches(then, String(now)) ? [] : [`${at} is ${String(now)}, recorded ${then}`]
  }
  if (typeof then !== 'object' || then === null) {
    return then === now || typeof then === 'number' ? [] : [`${at} is ${JSON.stringify(now)}`]
  }
  if (typeof now !== 'object' || now === null) return [`${at} is ${JSON.stringify(now)}`]
  if (Array.isArray(then)) {
    const first: unknown = then[0]
    const found: unknown = Array.isArray(now) ? now[0] : undefined
    if (first === undefined || found === undefined) return first === found ? [] : [`${at} is empty or is not`]
    return valueDifferences(first, found, known, `${at}[0]`)
  }
  const [thenEntries, nowEntries] = [Object.entries(then), new Map(Object.entries(now))]
  const all: unknown = nowKeysOnly(then)
  if (Array.isArray(all)) return subsetDifferences(all, now, at)
  const keys = new Set([...thenEntries.map(([key]) => key), ...nowEntries.keys()])
  return [...keys].flatMap((recordedKey) => {
    const key = recordedKey.startsWith('<') ? known.fill(recordedKey) : recordedKey
    if (recordedKey !== key && nowEntries.has(key)) return []
    const entry = thenEntries.find(([name]) => name === recordedKey || known.fill(name) === recordedKey)
    if (entry === undefined) return [`${at}.${key} is there`]
    if (!nowEntries.has(key)) return [`${at}.${key} is missing`]
    return valueDifferences(entry[1], nowEntries.get(key), known, `${at}.${key}`)
  })
}

function nowKeysOnly(then: object): unknown {
  return '(keys)' in then ? then['(keys)'] : undefined
}

/** Of a long object of strings the stand-in has a part. */
function subsetDifferences(keys: readonly unknown[], now: object, at: string): string[] {
  return Object.entries(now).flatMap(([key, value]) => {
    return keys.includes(key) && typeof value === 'string' ? [] : [`${at}.${key} was not recorded`]
  })
}

function parseRaw(raw: string): RecordedResponse {
  const { status, headers, body } = parseResponse(raw)
  return { status, headers: headers as Record<string, string | string[]>, ...(body === '' ? {} : { body }) }
}

/** The last of the responses in a text (an interim 100 comes before it), for a status line with any reason. */
export function parseResponse(raw: string): Received {
  const end = raw.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = raw.slice(0, end).split('\r\n')
  const headers: Record<string, string | string[]> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const [name, value] = [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    const before = headers[name]
    headers[name] = name === 'set-cookie' ? [...listOf(before), value] : value
  }
  return { status: Number(statusLine.split(' ')[1]), headers, body: raw.slice(end + 4) }
}
