/**
 * Splits DER values that stand one behind the other; null unless each is a whole SEQUENCE of definite
 * length (X.690 §8.1.3). What is in them is not looked at.
 */
export function splitSequences(bytes: Uint8Array): Uint8Array[] | null {
  const found: Uint8Array[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = endOfSequence(bytes, start)
    if (end === null || end > bytes.length) return null
    found.push(bytes.slice(start, end))
    start = end
  }
  return found
}

const sequence = 0x30
/** More of them would say a length beyond 16 MiB. */
const mostLengthOctets = 3

function endOfSequence(bytes: Uint8Array, start: number): number | null {
  const first = bytes[start + 1]
  if (bytes[start] !== sequence || first === undefined) return null
  if (first < 0x80) return start + 2 + first
  const octets = first & 0x7f
  if (octets === 0 || octets > mostLengthOctets) return null
  const length = bytes.slice(start + 2, start + 2 + octets)
  return length.length < octets
    ? null
    : start + 2 + octets + length.reduce((sum, octet) => sum * 256 + octet, 0)
}
