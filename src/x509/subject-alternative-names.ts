import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { contextConstructed, contextPrimitive, DerReader, objectIdentifierOf, tags } from './der-values.js'
import { decodeString } from './directory-string.js'
import { userPrincipalName } from './object-identifiers.js'
import type { AlternativeNames } from './verified-certificate.js'

/** Tag numbers of GeneralName (RFC 5280 §4.2.1.6), each with whether its type is constructed. */
const formIdentifiers = new Set([
  contextConstructed(0),
  contextPrimitive(1),
  contextPrimitive(2),
  contextConstructed(3),
  contextConstructed(4),
  contextConstructed(5),
  contextPrimitive(6),
  contextPrimitive(7),
  contextPrimitive(8),
])

/** @throws DerError for a name of no known form, or an e-mail address that is no IA5String. */
export function readAlternativeNames(value: DerValue): AlternativeNames {
  if (value.identifier !== tags.sequence || value.children.length === 0) {
    throw new DerError('empty subject alternative names')
  }
  const email: string[] = []
  const upn: { value: string; encoding: string }[] = []
  for (const name of value.children) {
    if (!formIdentifiers.has(name.identifier)) throw new DerError('an alternative name of no known form')
    if (name.identifier === contextPrimitive(1)) email.push(readIa5(name, 'an e-mail address'))
    if (name.identifier === contextPrimitive(2)) readIa5(name, 'a DNS name')
    if (name.identifier === contextPrimitive(6)) readIa5(name, 'a URI')
    if (name.identifier === contextPrimitive(7)) checkAddress(name)
    if (name.identifier === contextConstructed(0)) upn.push(...readOtherName(name))
  }
  return { email, upn }
}

function readIa5(name: DerValue, what: string): string {
  if (name.content.some((octet) => octet > 0x7f)) throw new DerError(`${what} that is no IA5String`)
  return Buffer.from(name.content).toString('latin1')
}

function checkAddress(name: DerValue): void {
  if (name.content.length !== 4 && name.content.length !== 16) {
    throw new DerError('an IP address of neither 4 nor 16 octets')
  }
}

/** `[0] { type-id, [0] EXPLICIT value }`; empty for other types than a user principal name. */
function readOtherName(name: DerValue): { value: string; encoding: string }[] {
  const reader = new DerReader(name, contextConstructed(0), 'an otherName')
  const type = objectIdentifierOf(reader.take(tags.objectIdentifier, 'the type of an otherName'))
  const tagged = reader.take(contextConstructed(0), 'the value of an otherName')
  reader.end()
  const [value, ...more] = tagged.children
  if (value === undefined || more.length > 0) throw new DerError('an otherName without exactly one value')
  return type === userPrincipalName ? [decodeString(value)] : []
}
