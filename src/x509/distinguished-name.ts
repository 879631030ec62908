import { attributeType } from './attribute-types.js'
import { DerError, readDer } from './der.js'
import { decodeString } from './directory-string.js'
import { formatLegacyName } from './distinguished-name-text.js'
import { nameKey } from './name.js'
import type { CertificateFacts, NameAttribute } from './verified-certificate.js'

/** An attribute as a text states it. */
interface StatedAttribute {
  readonly type: string
  readonly value: string
}

/**
 * Whether a DN text, as a proxy writes it beside the certificate, states exactly the certificate's subject:
 * RFC 4514 or RFC 2253 (nginx's `$ssl_client_s_dn`), or the legacy `/C=US/…` (`$ssl_client_s_dn_legacy`).
 * Values are compared character by character, attribute types by what their names stand for.
 */
export function matchesDistinguishedName(
  facts: Pick<CertificateFacts, 'subjectName'>,
  text: string,
): boolean {
  // HTTP takes the space from the end of a header, which may have been the last of a value.
  return matchesText(facts.subjectName, text) || matchesText(facts.subjectName, `${text} `)
}

function matchesText(name: CertificateFacts['subjectName'], text: string): boolean {
  if (text.startsWith('/')) {
    return text === formatLegacyName(name, 'openssl-3') || text === formatLegacyName(name, 'openssl-1')
  }
  if (equalsDistinguishedName(name, text)) return true
  const decoded = decodeHeaderText(text)
  return decoded !== null && equalsDistinguishedName(name, decoded)
}

/** Header values arrive as Latin-1: the text behind octets that a proxy sent as bare UTF-8, or null. */
function decodeHeaderText(text: string): string | null {
  if (!/[\x80-\xff]/.test(text) || /[^\0-\xff]/.test(text)) return null
  return decodeUtf8(Buffer.from(text, 'latin1'))
}

/** The comparison of the RFC 4514 form alone; false for a text that cannot be read. */
function equalsDistinguishedName(name: readonly (readonly NameAttribute[])[], text: string): boolean {
  const stated = parseDistinguishedName(text)
  if (stated?.length !== name.length) return false
  return name.every((rdn, index) => sameRdn(rdn, stated[index] ?? []))
}

/**
 * The same text for DN texts (RFC 4514) that are equal as names by RFC 5280 §7.1; null: unreadable, or
 * empty.
 */
export function distinguishedNameKey(text: string): string | null {
  const stated = parseDistinguishedName(text)
  if (stated === null || stated.length === 0) return null
  return nameKey(stated.map((rdn) => rdn.map((attribute) => ({ ...attribute, encoding: 'UTF8String' }))))
}

/** The order of the attributes within one part does not count. */
function sameRdn(rdn: readonly NameAttribute[], stated: readonly StatedAttribute[]): boolean {
  if (rdn.length !== stated.length) return false
  const left = [...stated]
  return rdn.every(({ type, value }) => {
    const index = left.findIndex((attribute) => attribute.type === type && attribute.value === value)
    if (index < 0) return false
    left.splice(index, 1)
    return true
  })
}

const maxTextLength = 16_384

/** Parts in the order of the encoding, which is the reverse of the text's (RFC 4514 §2.1); null: unreadable. */
function parseDistinguishedName(text: string): StatedAttribute[][] | null {
  if (text.length > maxTextLength) return null
  const parser = new TextParser(text)
  const rdns: StatedAttribute[][] = []
  if (text.trim() === '') return rdns
  for (;;) {
    const rdn: StatedAttribute[] = []
    let separator: string
    do {
      const attribute = parser.attribute()
      if (attribute === null) return null
      rdn.push(attribute)
      separator = parser.separator()
    } while (separator === '+')
    rdns.unshift(rdn)
    if (separator === '') return parser.ended ? rdns : null
  }
}

/** Left to right over one text; a method that returns null has met what the grammar does not have. */
class TextParser {
  readonly #text: string
  #position = 0

  constructor(text: string) {
    this.#text = text
  }

  get ended(): boolean {
    return this.#position === this.#text.length
  }

  attribute(): StatedAttribute | null {
    const name = this.#match(/ *([A-Za-z][A-Za-z0-9-]*|(?:OID\.)?\d+(?:\.\d+)+) *= */iy)
    const type = name === null ? undefined : attributeType(name)
    if (type === undefined) return null
    const hex = this.#match(/#((?:[0-9A-Fa-f]{2})+)(?= *(?:[,;+]|$))/y)
    const value = hex === null ? (this.#quoted() ?? this.#plain()) : stringOfDer(hex)
    return value === null ? null : { type, value }
  }

  /** `,` or `;` before the next part, `+` before the next attribute of this one, empty at the end. */
  separator(): string {
    return this.#match(/ *([,;+])/y) ?? this.#match(/ *($)/y) ?? ''
  }

  /** RFC 2253 §4: the older form of a value, in quotation marks. */
  #quoted(): string | null {
    const inner = this.#match(/"((?:[^"\\]|\\.)*)"(?= *(?:[,;+]|$))/sy)
    return inner === null ? null : unescapeValue(inner)
  }

  #plain(): string | null {
    const raw = this.#match(/((?:[^\\,;+"<>]|\\.)*)/sy) ?? ''
    return unescapeValue(withoutPadding(raw))
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#position
    const found = pattern.exec(this.#text)
    if (found === null) return null
    this.#position = pattern.lastIndex
    return found[1] ?? ''
  }
}

/** Spaces before a separator are padding; an escaped one is the value's own. */
function withoutPadding(raw: string): string {
  let end = raw.length
  while (end > 0 && raw[end - 1] === ' ') end -= 1
  let backslashes = 0
  while (raw[end - 1 - backslashes] === '\\') backslashes += 1
  return raw.slice(0, backslashes % 2 === 1 ? end + 1 : end)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `\HH` is an octet of UTF-8, any other escaped character stands for itself (RFC 4514 §3). */
function unescapeValue(raw: string): string | null {
  const octets: Uint8Array[] = []
  for (const [, hex, escaped, plain] of raw.matchAll(/\\([0-9A-Fa-f]{2})|\\(.)|([^\\]+)/gsu)) {
    octets.push(hex === undefined ? Buffer.from(escaped ?? plain ?? '', 'utf8') : Buffer.from(hex, 'hex'))
  }
  return decodeUtf8(Buffer.concat(octets))
}

function decodeUtf8(octets: Uint8Array): string | null {
  try {
    return utf8.decode(octets)
  } catch (cause) {
    if (cause instanceof TypeError) return null
    throw cause
  }
}

/** The string in a `#` value, or that value itself where it holds no string. */
function stringOfDer(hex: string): string | null {
  const bytes = Buffer.from(hex, 'hex')
  try {
    const limits = { maxBytes: bytes.length, maxDepth: 8, maxNodes: 256, maxOidBytes: 128 }
    return decodeString(readDer(bytes, limits)).value
  } catch (cause) {
    if (cause instanceof DerError) return null
    throw cause
  }
}
