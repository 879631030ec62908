import { attributeType } from '../x509/attribute-types.js'
import type { CertificateFacts } from '../x509/verified-certificate.js'
import { foldCase, type IdentifiedCertificate } from './rules.js'

export type AllowSource =
  | 'subject.cn'
  | 'subject.ou'
  | 'subject.o'
  | 'subject.c'
  | 'subject.l'
  | 'subject.st'
  | 'subject.email'
  | 'subject.dc'
  | 'subject.uid'
  | 'subject.serialNumber'
  | 'san.email'
  | 'san.upn'

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
  const type = attributeType(source === 'subject.email' ? 'emailAddress' : source.replace('subject.', ''))
  return facts.subjectName
    .flat()
    .filter((attribute) => attribute.type === type)
    .map(({ value }) => value)
}
