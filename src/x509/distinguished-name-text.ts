import { attributeShortName } from './attribute-types.js'
import { encodeStringContent } from './directory-string.js'
import type { NameAttribute } from './verified-certificate.js'

type Rdns = readonly (readonly NameAttribute[])[]

/**
 * A name as RFC 4514 text, most specific part first, types by OpenSSL's short names (`emailAddress=`).
 * What would not be seen on paper (controls, bidirectional marks, line separators) stands as `\HH` of
 * its UTF-8, so that the text is one harmless line anywhere.
 */
export function formatDistinguishedName(rdns: Rdns): string {
  return rdns
    .toReversed()
    .map((rdn) => rdn.toReversed().map(formatAttribute).join('+'))
    .join(',')
}

function formatAttribute(attribute: NameAttribute): string {
  const name = attributeShortName(attribute.type)
  if (name !== undefined && attribute.encoding !== 'unknown') return `${name}=${escapeValue(attribute.value)}`
  return `${name ?? attribute.type}=${derText(attribute)}`
}

/** RFC 4514 §2.4 */
function escapeValue(value: string): string {
  const characters = Array.from(value)
  return characters
    .map((character, index) => {
      if (/[\\"+,;<>]/.test(character)) return `\\${character}`
      if (index === 0 && (character === ' ' || character === '#')) return `\\${character}`
      if (index === characters.length - 1 && character === ' ') return '\\ '
      return unseen.test(character) ? escapeHex(character) : character
    })
    .join('')
}

const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}]/u

function escapeHex(character: string): string {
  return Array.from(Buffer.from(character, 'utf8'), (octet) => `\\${hexOf(octet)}`).join('')
}

function hexOf(octet: number): string {
  return octet.toString(16).toUpperCase().padStart(2, '0')
}

const stringTags: Readonly<Record<string, number>> = {
  UTF8String: 0x0c,
  NumericString: 0x12,
  PrintableString: 0x13,
  TeletexString: 0x14,
  IA5String: 0x16,
  VisibleString: 0x1a,
  UniversalString: 0x1c,
  BMPString: 0x1e,
}

/** `#` and the DER of the value in hexadecimal. */
function derText(attribute: NameAttribute): string {
  const tag = stringTags[attribute.encoding]
  if (tag === undefined) return `#${attribute.value.slice(1).toUpperCase()}`
  const content = Buffer.from(encodeStringContent(attribute))
  const length = lengthOctets(content.length)
  return `#${Buffer.concat([Uint8Array.of(tag, ...length), content])
    .toString('hex')
    .toUpperCase()}`
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}

/**
 * The legacy form, `/C=US/O=Mattermost/CN=mmuser`, as OpenSSL's X509_NAME_oneline writes it: raw content
 * octets, what is not printable ASCII as `\xHH`. It cannot be read back without doubt, so it is written
 * and compared. OpenSSL 3 joins the attributes of one part by `+` and escapes `/` and `+` in values; before
 * it nothing was escaped.
 */
export function formatLegacyName(rdns: Rdns, form: 'openssl-3' | 'openssl-1'): string {
  const joint = form === 'openssl-3' ? '+' : '/'
  return rdns
    .map((rdn) => `/${rdn.map((attribute) => legacyAttribute(attribute, form)).join(joint)}`)
    .join('')
}

function legacyAttribute(attribute: NameAttribute, form: 'openssl-3' | 'openssl-1'): string {
  const octets =
    attribute.encoding === 'unknown'
      ? Buffer.from(attribute.value.slice(1), 'hex')
      : encodeStringContent(attribute)
  const text = Array.from(octets, (octet) => {
    if (octet < 0x20 || octet > 0x7e) return `\\x${hexOf(octet)}`
    const character = String.fromCharCode(octet)
    return form === 'openssl-3' && /[/+]/.test(character) ? `\\${character}` : character
  })
  return `${attributeShortName(attribute.type) ?? attribute.type}=${text.join('')}`
}
