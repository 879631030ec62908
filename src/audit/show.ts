import { readLines } from './lines.js'
import { printable } from './printable.js'
import { parseRecordedEvent, type RecordedEvent, section } from './recorded-event.js'

/** All that are given must hold. */
export interface AuditFilters {
  /** A username, a Mattermost user id, or the value that was read from the certificate; A–Z folded. */
  readonly user?: string
  readonly event?: string
  readonly decision?: string
  readonly reason?: string
  /** Milliseconds since 1970, inclusive. */
  readonly since?: number
  /** Milliseconds since 1970, exclusive. */
  readonly until?: number
  /** A serial (any case, colons and leading zeros ignored) or the SHA-256 of the certificate. */
  readonly certificate?: string
  readonly requestId?: string
}

/**
 * The events of the files, oldest first as they stand there, one line each without line feed: `text`
 * for people, safe on a terminal; `json` as recorded. A line that is no audit event is told, never
 * passed over: `{"unreadable":{"file":…,"line":…}}` in `json`.
 *
 * @throws Fault ERR_AUDIT_IO where a file cannot be read.
 */
export async function* showAudit(
  files: readonly string[],
  filters: AuditFilters,
  format: 'text' | 'json',
): AsyncGenerator<string> {
  for (const file of files) {
    for await (const lines of readLines(file)) {
      for (const { bytes, number } of lines) {
        const event = parseRecordedEvent(bytes.toString())
        if (event === null) yield unreadable(file, number, format)
        else if (matches(event, filters)) yield format === 'json' ? asJson(event) : asText(event)
      }
    }
  }
}

function matches(event: RecordedEvent, filters: AuditFilters): boolean {
  const { since = -Infinity, until = Infinity } = filters
  const time = Date.parse(text(event.time))
  return (
    (['event', 'decision', 'reason', 'requestId'] as const).every(
      (name) => filters[name] === undefined || filters[name] === event[name],
    ) &&
    time >= since &&
    time < until &&
    (filters.user === undefined || isOf(event, filters.user.toLowerCase())) &&
    (filters.certificate === undefined || bears(event, bareHex(filters.certificate)))
  )
}

function isOf(event: RecordedEvent, wanted: string): boolean {
  const user = section(event, 'user')
  const identity = section(event, 'identity')
  return [user.username, user.id, identity.email, identity.username].some(
    (value) => typeof value === 'string' && value.toLowerCase() === wanted,
  )
}

function bears(event: RecordedEvent, wanted: string): boolean {
  const { serial, sha256 } = section(event, 'certificate')
  return [serial, sha256].some((value) => typeof value === 'string' && bareHex(value) === wanted)
}

function bareHex(digits: string): string {
  return digits.replaceAll(':', '').replace(/^0+/, '').toLowerCase()
}

function asJson(event: RecordedEvent): string {
  return printable(JSON.stringify(event))
}

/** `TIME #SEQ EVENT DECISION REASON METHOD PATH user=… …`: what is not known is left out. */
function asText(event: RecordedEvent): string {
  const user = section(event, 'user')
  const identity = section(event, 'identity')
  const certificate = section(event, 'certificate')
  const websocket = section(event, 'websocket')
  const words = [
    text(event.time),
    `#${event.seq}`,
    event.event,
    text(event.decision) === event.event ? '' : text(event.decision),
    text(event.reason),
    text(event.method),
    text(event.path),
    named('user', user.username),
    named('identity', identity.email ?? identity.username),
    named('from', event.clientIp ?? event.peer),
    named('certificate', certificate.serial),
    quoted('subject', certificate.subject),
    named('trust', certificate.trust),
    named('code', websocket.code),
    named('durationMs', websocket.durationMs),
    named('bytesIn', websocket.bytesIn),
    named('bytesOut', websocket.bytesOut),
    named('id', event.requestId),
  ]
  return printable(words.filter((word) => word !== '').join(' '))
}

function named(name: string, value: unknown): string {
  const shown = text(value)
  return shown === '' ? '' : `${name}=${shown}`
}

/** A subject has blanks of its own. */
function quoted(name: string, value: unknown): string {
  return typeof value === 'string' ? `${name}=${JSON.stringify(value)}` : ''
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

function unreadable(file: string, line: number, format: 'text' | 'json'): string {
  return printable(
    format === 'json'
      ? JSON.stringify({ unreadable: { file, line } })
      : `${file}:${line}: this line is not an audit event`,
  )
}
