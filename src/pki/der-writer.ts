/** DER (X.690 §8, §10) from the inside out: each function returns one complete encoding. */

/** One value: its identifier octet (tag numbers below 31), then the contents joined. */
export function encode(identifier: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents)
  return Buffer.concat([Uint8Array.of(identifier), encodeLength(content.length), content])
}

function encodeLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  const hex = length.toString(16)
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  return Buffer.concat([Uint8Array.of(0x80 | bytes.length), bytes])
}

export function sequence(...values: readonly Uint8Array[]): Uint8Array {
  return encode(0x30, ...values)
}

/** SET OF: its values in ascending order of their encodings (X.690 §11.6). */
export function setOf(...values: readonly Uint8Array[]): Uint8Array {
  return encode(0x31, ...values.toSorted((a, b) => Buffer.compare(a, b)))
}

export function boolean(value: boolean): Uint8Array {
  return encode(0x01, Uint8Array.of(value ? 0xff : 0x00))
}

/** A whole number, or its two's complement as hexadecimal text of whole octets, written as it is. */
export function integer(value: number | string): Uint8Array {
  if (typeof value === 'string') return encode(0x02, Buffer.from(value, 'hex'))
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a whole number: ${value}`)
  const hex = value.toString(16)
  const even = hex.padStart(hex.length + (hex.length % 2), '0')
  return integer(Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even)
}

export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt)
  return encode(0x06, ...[first * 40n + second, ...rest].map(encodeArc))
}

function encodeArc(arc: bigint): Uint8Array {
  const octets = [Number(arc & 0x7fn)]
  for (let left = arc >> 7n; left > 0n; left >>= 7n) octets.unshift(Number(left & 0x7fn) | 0x80)
  return Uint8Array.from(octets)
}

export function nullValue(): Uint8Array {
  return encode(0x05)
}

export function octetString(content: Uint8Array): Uint8Array {
  return encode(0x04, content)
}

export function bitString(content: Uint8Array, unusedBits = 0): Uint8Array {
  return encode(0x03, Uint8Array.of(unusedBits), content)
}

/** A BIT STRING of named bits: the given ones are set, trailing zeros are left out (X.690 §11.2.2). */
export function namedBits(bits: readonly number[]): Uint8Array {
  const last = Math.max(-1, ...bits)
  if (last < 0) return bitString(new Uint8Array())
  const octets = new Uint8Array((last >> 3) + 1)
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return bitString(octets, 7 - (last & 7))
}

/** A `Time` of RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime after, whole seconds, UTC. */
export function time(moment: Date): Uint8Array {
  const digits = moment
    .toISOString()
    .slice(0, 19)
    .replaceAll(/[^0-9]/g, '')
  const year = moment.getUTCFullYear()
  if (year >= 1950 && year < 2050) return encode(0x17, Buffer.from(`${digits.slice(2)}Z`))
  return encode(0x18, Buffer.from(`${digits}Z`))
}

/** `[number]` around complete values: EXPLICIT, or an IMPLICIT constructed type. */
export function contextConstructed(number: number, ...values: readonly Uint8Array[]): Uint8Array {
  return encode(0xa0 | number, ...values)
}

/** `[number] IMPLICIT` of a primitive type: its content without its own tag. */
export function contextPrimitive(number: number, content: Uint8Array): Uint8Array {
  return encode(0x80 | number, content)
}
