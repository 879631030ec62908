import type { DerValue } from './der.js'
import { DerError } from './der.js'

export interface DecodedString {
  readonly value: string
  /** The ASN.1 name of its string type; `unknown` where the value is no string, then it is `#` and its DER in hexadecimal. */
  readonly encoding: string
}

/** @throws DerError for a string that is not what its type says. */
export function decodeString(value: DerValue): DecodedString {
  const content = Buffer.from(value.content)
  switch (value.identifier) {
    case 0x0c:
      return { value: decodeUtf8(content), encoding: 'UTF8String' }
    case 0x12:
      return { value: decodeAscii(content, 'NumericString'), encoding: 'NumericString' }
    case 0x13:
      return { value: decodeAscii(content, 'PrintableString'), encoding: 'PrintableString' }
    case 0x14:
      // Every reader takes T.61 for Latin-1, OpenSSL too, and every writer writes it so.
      return { value: content.toString('latin1'), encoding: 'TeletexString' }
    case 0x16:
      return { value: decodeAscii(content, 'IA5String'), encoding: 'IA5String' }
    case 0x1a:
      return { value: decodeAscii(content, 'VisibleString'), encoding: 'VisibleString' }
    case 0x1c:
      return { value: decodeUniversal(content), encoding: 'UniversalString' }
    case 0x1e:
      return { value: decodeBmp(content), encoding: 'BMPString' }
    default:
      return { value: `#${Buffer.from(value.bytes).toString('hex')}`, encoding: 'unknown' }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeUtf8(content: Uint8Array): string {
  try {
    return utf8.decode(content)
  } catch (cause) {
    if (cause instanceof TypeError) throw new DerError('a UTF8String that is not UTF-8')
    throw cause
  }
}

/**
 * Seven bits, not the narrower alphabet of the type: authorities write `&`, `@`, `*` and `_` into
 * PrintableStrings, and what an identity may hold is judged where it is read.
 */
function decodeAscii(content: Buffer, type: string): string {
  if (content.some((octet) => octet > 0x7f)) throw new DerError(`a ${type} with an octet above 7F`)
  return content.toString('latin1')
}

function decodeBmp(content: Buffer): string {
  if (content.length % 2 !== 0) throw new DerError('a BMPString of half a character')
  const text = Buffer.from(content).swap16().toString('utf16le')
  if (/[\ud800-\udfff]/.test(text)) throw new DerError('a BMPString with a surrogate')
  return text
}

function decodeUniversal(content: Buffer): string {
  if (content.length % 4 !== 0) throw new DerError('a UniversalString of part of a character')
  let text = ''
  for (let offset = 0; offset < content.length; offset += 4) {
    const point = content.readUInt32BE(offset)
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      throw new DerError('a UniversalString with what is no character')
    }
    text += String.fromCodePoint(point)
  }
  return text
}

/** The content octets that a decoded string had. The reverse of `decodeString`. */
export function encodeStringContent({ value, encoding }: DecodedString): Uint8Array {
  switch (encoding) {
    case 'UTF8String':
      return Buffer.from(value, 'utf8')
    case 'BMPString':
      return Buffer.from(value, 'utf16le').swap16()
    case 'UniversalString': {
      const octets = Buffer.alloc(4 * Array.from(value).length)
      Array.from(value).forEach((character, index) =>
        octets.writeUInt32BE(character.codePointAt(0) ?? 0, 4 * index),
      )
      return octets
    }
    default:
      return Buffer.from(value, 'latin1')
  }
}
