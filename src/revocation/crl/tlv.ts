import { DerError } from '../../x509/der.js'

/** Where a value stands in a list that is too long for a tree of its values. */
export interface Tlv {
  readonly identifier: number
  readonly start: number
  readonly contentStart: number
  readonly end: number
}

/**
 * The value at this place, which must end within `limit` (X.690 §8.1, §10.1: definite length, in its
 * shortest form). Nothing inside it is looked at.
 *
 * @throws DerError
 */
export function tlvAt(der: Uint8Array, start: number, limit: number): Tlv {
  const identifier = start < limit ? der[start] : undefined
  const first = start + 1 < limit ? der[start + 1] : undefined
  if (identifier === undefined || first === undefined) throw new DerError('a value ends early')
  if ((identifier & 0x1f) === 0x1f) throw new DerError('a tag number above 30')
  let contentStart = start + 2
  let length = first
  if (first >= 0x80) {
    const octets = first & 0x7f
    if (octets === 0 || octets > 4) throw new DerError('an indefinite length, or one beyond every bound')
    length = 0
    for (let count = 0; count < octets; count += 1) {
      const octet = contentStart < limit ? der[contentStart] : undefined
      if (octet === undefined) throw new DerError('a value ends early')
      length = length * 256 + octet
      contentStart += 1
    }
    if (length < (octets === 1 ? 0x80 : 256 ** (octets - 1)))
      throw new DerError('a length that is not in its shortest form')
  }
  const end = contentStart + length
  if (end > limit) throw new DerError('a value longer than what holds it')
  return { identifier, start, contentStart, end }
}
