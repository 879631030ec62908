import type { CertificateFacts } from '../x509/verified-certificate.js'
import { foldCase, type IdentifiedCertificate } from './rules.js'

/** RFC 4519, RFC 2985 §5.2.1. By OID: OpenSSL knows `UID` and `uid` as two different attributes. */
const subjectAttributeTypes = {
  'subject.cn': '2.5.4.3',
  'subject.ou': '2.5.4.11',
  'subject.o': '2.5.4.10',
  'subject.c': '2.5.4.6',
  'subject.l': '2.5.4.7',
  'subject.st': '2.5.4.8',
  'subject.email': '1.2.840.113549.1.9.1',
  'subject.dc': '0.9.2342.19200300.100.1.25',
  'subject.uid': '0.9.2342.19200300.100.1.1',
  'subject.serialNumber': '2.5.4.5',
} as const

const typeBySource: ReadonlyMap<string, string> = new Map(Object.entries(subjectAttributeTypes))

export type AllowSource = keyof typeof subjectAttributeTypes | 'san.email' | 'san.upn'

/** All keys must hold; the values of a key are alternatives. */
export type AllowEntry = { readonly [Source in AllowSource]?: readonly string[] }

/** Whether one entry of `trust.allow` fits: exact, folded A–Z. Without any entry everybody is allowed. */
export function isAllowed(allow: readonly AllowEntry[], certificate: IdentifiedCertificate): boolean {
  return allow.length === 0 || allow.some((entry) => fits(entry, certificate.facts))
}

function fits(entry: AllowEntry, facts: CertificateFacts): boolean {
  const conditions = Object.entries(entry)
  // An entry without a condition would allow everybody: the loader refuses it, and so does this.
  if (conditions.length === 0) return false
  return conditions.every(([source, wanted]) => {
    const values = new Set(valuesOf(source, facts).map(foldCase))
    return wanted.some((value) => values.has(foldCase(value)))
  })
}

function valuesOf(source: string, facts: CertificateFacts): readonly string[] {
  if (source === 'san.email') return facts.alternativeNames.email
  if (source === 'san.upn') return facts.alternativeNames.upn.map(({ value }) => value)
  const type = typeBySource.get(source)
  return facts.subjectName
    .flat()
    .filter((attribute) => attribute.type === type)
    .map(({ value }) => value)
}
