import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { contextConstructed, contextPrimitive, DerReader, objectIdentifierOf, tags } from './der-values.js'
import { decodeString } from './directory-string.js'
import { rdnKeys, readName } from './name.js'
import { userPrincipalName } from './object-identifiers.js'

/**
 * A GeneralName (RFC 5280 §4.2.1.6) as far as names are compared; `unhandled` where its form is one that
 * nothing is known of but that it is there.
 */
export type GeneralName =
  | { readonly form: 'rfc822Name' | 'dNSName' | 'uniformResourceIdentifier'; readonly text: string }
  | { readonly form: 'directoryName'; readonly rdns: readonly string[] }
  /** Address octets; in a constraint address and mask. */
  | { readonly form: 'iPAddress'; readonly octets: Uint8Array }
  | { readonly form: 'userPrincipalName'; readonly text: string; readonly encoding: string }
  /** The type of an otherName, or the tag of another form. */
  | { readonly form: 'unhandled'; readonly kind: string }

const textForms = new Map([
  [contextPrimitive(1), ['rfc822Name', 'an e-mail address']],
  [contextPrimitive(2), ['dNSName', 'a DNS name']],
  [contextPrimitive(6), ['uniformResourceIdentifier', 'a URI']],
] as const)

const unhandledForms = new Map([
  [contextConstructed(3), 'x400Address'],
  [contextConstructed(5), 'ediPartyName'],
  [contextPrimitive(8), 'registeredID'],
])

/** @throws DerError for a name of no known form, or one that is not what its form asks for. */
export function readGeneralName(name: DerValue): GeneralName {
  const textForm = textForms.get(name.identifier)
  if (textForm !== undefined) {
    const [form, what] = textForm
    return { form, text: readIa5(name, what) }
  }
  if (name.identifier === contextConstructed(4)) return readDirectoryName(name)
  if (name.identifier === contextPrimitive(7)) return { form: 'iPAddress', octets: name.content }
  if (name.identifier === contextConstructed(0)) return readOtherName(name)
  const kind = unhandledForms.get(name.identifier)
  if (kind === undefined) throw new DerError('an alternative name of no known form')
  return { form: 'unhandled', kind }
}

function readIa5(name: DerValue, what: string): string {
  if (name.content.some((octet) => octet > 0x7f)) throw new DerError(`${what} that is no IA5String`)
  return Buffer.from(name.content).toString('latin1')
}

/** `[4] EXPLICIT Name`, Name being a CHOICE. */
function readDirectoryName(name: DerValue): GeneralName {
  const [inner, ...more] = name.children
  if (inner === undefined || more.length > 0) throw new DerError('a directory name that is not one name')
  return { form: 'directoryName', rdns: rdnKeys(readName(inner, 'a directory name').rdns) }
}

/** `[0] { type-id, [0] EXPLICIT value }` */
function readOtherName(name: DerValue): GeneralName {
  const reader = new DerReader(name, contextConstructed(0), 'an otherName')
  const type = objectIdentifierOf(reader.take(tags.objectIdentifier, 'the type of an otherName'))
  const tagged = reader.take(contextConstructed(0), 'the value of an otherName')
  reader.end()
  const [value, ...more] = tagged.children
  if (value === undefined || more.length > 0) throw new DerError('an otherName without exactly one value')
  if (type !== userPrincipalName) return { form: 'unhandled', kind: type }
  const { value: text, encoding } = decodeString(value)
  return { form: 'userPrincipalName', text, encoding }
}
