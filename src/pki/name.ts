import { attributeType } from '../x509/attribute-types.js'
import { encode, objectIdentifier, sequence, setOf } from './der-writer.js'

export type NameStringType =
  | 'UTF8String'
  | 'PrintableString'
  | 'IA5String'
  | 'TeletexString'
  | 'BMPString'
  | 'UniversalString'

export interface NameAttributeOptions {
  /** `CN`, `O`, `emailAddress`, …, or a dotted OID. */
  readonly type: string
  readonly value: string
  /** By default what RFC 5280 appendix A asks of the type, UTF8String where it leaves the choice. */
  readonly encoding?: NameStringType
}

/** Relative distinguished names in the order of the encoding (an array: several attributes), or raw DER. */
export type NameOptions = readonly (NameAttributeOptions | readonly NameAttributeOptions[])[] | Uint8Array

/** @throws TypeError for an attribute type whose name is not known. */
export function encodeName(name: NameOptions): Uint8Array {
  if (name instanceof Uint8Array) return name
  return sequence(...name.map((rdn) => setOf(...[rdn].flat().map(encodeAttribute))))
}

function encodeAttribute(attribute: NameAttributeOptions): Uint8Array {
  const type = attributeType(attribute.type)
  if (type === undefined) throw new TypeError(`unknown attribute type ${attribute.type}`)
  const value = encodeString(attribute.value, attribute.encoding ?? defaultStringType(type))
  return sequence(objectIdentifier(type), value)
}

/** emailAddress and domainComponent are IA5String; country, serialNumber and dnQualifier PrintableString. */
function defaultStringType(type: string): NameStringType {
  if (type === '1.2.840.113549.1.9.1' || type === '0.9.2342.19200300.100.1.25') return 'IA5String'
  return type === '2.5.4.6' || type === '2.5.4.5' || type === '2.5.4.46' ? 'PrintableString' : 'UTF8String'
}

export function encodeString(value: string, type: NameStringType): Uint8Array {
  switch (type) {
    case 'UTF8String':
      return encode(0x0c, Buffer.from(value, 'utf8'))
    case 'PrintableString':
      return encode(0x13, Buffer.from(value, 'latin1'))
    case 'TeletexString':
      return encode(0x14, Buffer.from(value, 'latin1'))
    case 'IA5String':
      return encode(0x16, Buffer.from(value, 'latin1'))
    case 'BMPString':
      return encode(0x1e, Buffer.from(value, 'utf16le').swap16())
    case 'UniversalString':
      return encode(0x1c, ...Array.from(value, encodeCodePoint))
  }
}

function encodeCodePoint(character: string): Uint8Array {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(character.codePointAt(0) ?? 0)
  return octets
}
