import type { DerValue } from './der.js'
import { DerError } from './der.js'

/** RFC 5280 §4.1.2.2 */
const maxSerialBytes = 20

/**
 * A serial number as `openssl x509 -serial` prints it: upper-case hexadecimal of its magnitude in whole
 * octets, a minus before a negative one, `00` for zero. Zero and negative ones were issued and are read.
 */
export function readSerial(integer: DerValue): string {
  // One octet more for the zero that keeps a number of 20 octets positive.
  const size = integer.content.length - (integer.content[0] === 0 ? 1 : 0)
  if (size > maxSerialBytes) throw new DerError('the serial number is longer than 20 octets')
  const hex = Buffer.from(integer.content).toString('hex')
  const negative = (integer.content[0] ?? 0) >= 0x80
  const unsigned = BigInt(`0x${hex}`)
  const magnitude = negative ? (1n << BigInt(integer.content.length * 8)) - unsigned : unsigned
  const digits = magnitude.toString(16).toUpperCase()
  return `${negative ? '-' : ''}${digits.padStart(digits.length + (digits.length % 2), '0')}`
}
