import type { DerValue } from '../../x509/der.js'
import { DerError } from '../../x509/der.js'

/**
 * ReasonFlags (RFC 5280 §4.2.1.13) as bits of a number: the first bit, unused, left out. A list speaks for
 * some reasons or for all; a certificate is good when lists for all of them do not name it.
 */
export type Reasons = number

export const allReasons: Reasons = 0b1111_1111

/** @throws DerError where no reason is named */
export function readReasons(value: DerValue): Reasons {
  const [unused = 0, ...octets] = value.content
  const bits = octets.map((octet) => octet.toString(2).padStart(8, '0')).join('')
  const named = bits.slice(0, bits.length - unused)
  const reasons = Array.from(named.slice(1, 9)).reduce(
    (sum, bit, at) => (bit === '1' ? sum | (1 << at) : sum),
    0,
  )
  if (reasons === 0) throw new DerError('reasons that name none')
  return reasons
}
