import { distinguishedNameKey } from '../../x509/distinguished-name.js'

/** Whom and what the operator's deny list names, folded so that equal things are equal texts. */
export interface DenyEntries {
  /** Serial numbers, lower-case hexadecimal without leading zeros, a minus before a negative one. */
  readonly serials: ReadonlySet<string>
  /** The same with the key of their issuer's name behind a space. */
  readonly issuedSerials: ReadonlySet<string>
  /** SHA-256 of certificates, lower-case hexadecimal. */
  readonly fingerprints: ReadonlySet<string>
  /** SHA-256 of subjectPublicKeyInfos, lower-case hexadecimal. */
  readonly keys: ReadonlySet<string>
  readonly users: ReadonlySet<string>
  readonly emails: ReadonlySet<string>
  readonly domains: ReadonlySet<string>
}

/** What is wrong with a line; lines count from 1. */
export interface DenyListIssue {
  readonly line: number
  /** What is wrong, then what to do. */
  readonly message: string
}

export type ParsedDenyList =
  | { readonly entries: DenyEntries; readonly issues: readonly [] }
  | { readonly entries: null; readonly issues: readonly DenyListIssue[] }

type Sets = { readonly [Kind in keyof DenyEntries]: Set<string> }

/** One entry a line, `KIND:VALUE`; `#` begins a comment. A line that is not understood fails it all. */
export function parseDenyList(text: string): ParsedDenyList {
  const sets: Sets = {
    serials: new Set(),
    issuedSerials: new Set(),
    fingerprints: new Set(),
    keys: new Set(),
    users: new Set(),
    emails: new Set(),
    domains: new Set(),
  }
  const issues: DenyListIssue[] = []
  for (const [at, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const entry = withoutComment(line).trim()
    const problem = entry === '' ? null : readEntry(entry, sets)
    if (problem !== null) issues.push({ line: at + 1, message: problem })
  }
  return issues.length === 0 ? { entries: sets, issues: [] } : { entries: null, issues }
}

/** A `#` within a word (a DN may hold one, escaped or as the begin of a hexadecimal value) is its own. */
function withoutComment(line: string): string {
  return line.replace(/(^|\s)#.*$/s, '')
}

const kinds = 'serial:, sha256:, spki:, user:, email: or domain:'

/** Adds the entry to its set. @returns what is wrong with it, or null */
function readEntry(entry: string, sets: Sets): string | null {
  const colon = entry.indexOf(':')
  const kind = entry.slice(0, Math.max(colon, 0))
  const value = entry.slice(colon + 1).trim()
  const read = readers.get(kind)
  return read === undefined
    ? `begins with none of ${kinds}: correct it, or put # before it`
    : read(value, sets)
}

const readers: ReadonlyMap<string, (value: string, sets: Sets) => string | null> = new Map([
  ['serial', readSerial],
  ['sha256', (value, sets) => readHash(value, sets.fingerprints)],
  ['spki', (value, sets) => readHash(value, sets.keys)],
  ['user', readUser],
  ['email', readEmail],
  ['domain', readDomain],
])

function readSerial(value: string, sets: Sets): string | null {
  const at = value.indexOf('@')
  const serial = foldSerial(at < 0 ? value : value.slice(0, at))
  if (serial === null)
    return 'holds no serial number: write it in hexadecimal, as openssl x509 -serial prints it'
  if (at < 0) {
    sets.serials.add(serial)
    return null
  }
  const issuer = distinguishedNameKey(value.slice(at + 1).trim())
  if (issuer === null) {
    return 'holds an issuer that is no name: write it as openssl x509 -issuer -nameopt RFC2253 prints it'
  }
  sets.issuedSerials.add(issuedSerial(serial, issuer))
  return null
}

function readHash(value: string, set: Set<string>): string | null {
  const hex = value.replaceAll(':', '').toLowerCase()
  // A hash has its full length: a missing zero at its begin would be a missing digit.
  if (!/^[0-9a-f]{64}$/.test(hex)) return 'is no SHA-256 hash: write its 64 hexadecimal digits'
  set.add(hex)
  return null
}

function readUser(value: string, sets: Sets): string | null {
  const name = value.toLowerCase()
  if (!/^[a-z0-9._-]{1,64}$/.test(name)) return 'is no Mattermost username: write letters, digits, . _ - only'
  sets.users.add(name)
  return null
}

function readEmail(value: string, sets: Sets): string | null {
  const address = value.toLowerCase()
  if (!/^[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+$/.test(address)) {
    return 'is no e-mail address: write it as name@example.com'
  }
  sets.emails.add(address)
  return null
}

function readDomain(value: string, sets: Sets): string | null {
  const domain = value.toLowerCase()
  const label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?'
  if (domain.length > 253 || !new RegExp(`^${label}(\\.${label})*$`).test(domain)) {
    return 'is no domain: write what stands behind the @, such as example.com'
  }
  sets.domains.add(domain)
  return null
}

/** Case, colons and leading zeros do not count; null: not hexadecimal. */
export function foldSerial(written: string): string | null {
  const found = /^(-?)((?:[0-9a-f]+:)*[0-9a-f]+)$/.exec(written.trim().toLowerCase())
  if (found === null) return null
  const [, sign = '', digits = ''] = found
  const significant = digits.replaceAll(':', '').replace(/^0+(?=.)/, '')
  return significant === '0' ? significant : `${sign}${significant}`
}

export function issuedSerial(serial: string, issuerKey: string): string {
  return `${serial} ${issuerKey}`
}
