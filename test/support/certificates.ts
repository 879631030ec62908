import type { CertificateOptions, IssuedCertificate } from '../../src/pki/issue.js'
import { createAuthority, issueCertificate } from '../../src/pki/issue.js'
import type { KeyOptions, KeyPair } from '../../src/pki/keys.js'
import { generateKeys } from '../../src/pki/keys.js'
import type { NameAttributeOptions } from '../../src/pki/name.js'
import { userExtensions } from '../../src/pki/profiles.js'

/** The moment at which the certificates made here are valid unless said otherwise. */
export const testTime = new Date('2026-06-15T12:00:00Z')
export const testTimeMs = testTime.getTime()

const dayMs = 86_400_000
const defaultValidity = {
  notBefore: new Date(testTimeMs - 365 * dayMs),
  // Far enough for tests that run real programs, which know no other time than today's.
  notAfter: new Date(testTimeMs + 3650 * dayMs),
}

const cachedKeys = new Map<string, Promise<KeyPair>>()

/** The same key pair for the same options within one process: RSA keys take long to make. */
export function cachedKey(options: KeyOptions, index = 0): Promise<KeyPair> {
  const name = `${JSON.stringify(options)} ${index}`
  const known = cachedKeys.get(name)
  if (known !== undefined) return known
  const made = generateKeys(options)
  cachedKeys.set(name, made)
  return made
}

/** `{ CN: 'x', O: 'y' }` as a name, in the order given. */
export function name(attributes: Readonly<Record<string, string>>): NameAttributeOptions[] {
  return Object.entries(attributes).map(([type, value]) => ({ type, value }))
}

export type CaOptions = Partial<CertificateOptions> & { readonly pathLength?: number }

/** A P-256 authority with this common name; with `issuer` an intermediate. */
export function makeCa(commonName: string, options: CaOptions = {}): Promise<IssuedCertificate> {
  return createAuthority({
    subject: name({ O: 'Mattermost', CN: commonName }),
    ...defaultValidity,
    ...options,
  })
}

export type UserOptions = Partial<CertificateOptions> & {
  readonly commonName?: string
  /** Null: no e-mail address. */
  readonly email?: string | null
  readonly upn?: string
}

/** A user's certificate as the guide makes it (subject with e-mail), with the extensions of a good CA. */
export function makeUser(ca: IssuedCertificate, options: UserOptions = {}): Promise<IssuedCertificate> {
  const { commonName = 'mmuser', email = 'mmuser@mattermost.com', upn, ...certificate } = options
  const subject = name({ C: 'US', O: 'Mattermost', OU: 'Smarttotem', CN: commonName })
  if (email !== null) subject.push({ type: 'emailAddress', value: email })
  const names = { ...(email === null ? {} : { email }), ...(upn === undefined ? {} : { upn }) }
  return issueCertificate({
    subject,
    issuer: ca,
    ...defaultValidity,
    extensions: userExtensions(names),
    ...certificate,
  })
}

/** The version 1 certificate that the guide's `openssl x509 -req` makes. */
export function makeGuideUser(ca: IssuedCertificate, options: UserOptions = {}): Promise<IssuedCertificate> {
  return makeUser(ca, { version: 1, serial: '01', ...options })
}

/** The bytes with one of them changed; a negative offset counts from the end. */
export function tampered(der: Uint8Array, offset: number, mask = 0x01): Uint8Array {
  const copy = Uint8Array.from(der)
  const index = offset < 0 ? copy.length + offset : offset
  copy[index] = (copy[index] ?? 0) ^ mask
  return copy
}

/** The bytes with the first occurrence of one run replaced by another of the same length. */
export function replaced(der: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  if (from.length !== to.length) throw new RangeError('the replacement must be as long as what it replaces')
  const copy = Buffer.from(der)
  const index = copy.indexOf(from)
  if (index < 0) throw new RangeError('what is to be replaced does not occur')
  copy.set(to, index)
  return copy
}
