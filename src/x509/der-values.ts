import type { DerValue } from './der.js'
import { DerError } from './der.js'

/** Identifier octets of the types that certificates are made of. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

export const contextConstructed = (number: number): number => 0xa0 | number
export const contextPrimitive = (number: number): number => 0x80 | number

/** Reads the children of a constructed value from left to right. */
export class DerReader {
  readonly #children: readonly DerValue[]
  readonly #what: string
  #next = 0

  constructor(value: DerValue | undefined, identifier: number, what: string) {
    if (value?.identifier !== identifier) throw new DerError(`${what} is missing or of another type`)
    this.#children = value.children
    this.#what = what
  }

  take(identifier: number, what: string): DerValue {
    const value = this.takeOptional(identifier)
    if (value === null) throw new DerError(`${what} is missing or of another type`)
    return value
  }

  takeOptional(identifier: number): DerValue | null {
    const value = this.#children[this.#next]
    if (value?.identifier !== identifier) return null
    this.#next += 1
    return value
  }

  /** Whatever comes next, or null at the end. */
  takeAny(): DerValue | null {
    const value = this.#children[this.#next]
    if (value === undefined) return null
    this.#next += 1
    return value
  }

  end(): void {
    if (this.#next !== this.#children.length) throw new DerError(`${this.#what} holds more than it may`)
  }
}

/** Dotted text. Arcs may be longer than a number can say (RFC 5280 appendix B, X.667). */
export function objectIdentifierOf(value: DerValue): string {
  const arcs: bigint[] = []
  let arc = 0n
  for (const octet of value.content) {
    arc = (arc << 7n) | BigInt(octet & 0x7f)
    if (octet < 0x80) {
      arcs.push(arc)
      arc = 0n
    }
  }
  const [joined = 0n, ...rest] = arcs
  const first = joined < 40n ? 0n : joined < 80n ? 1n : 2n
  return [first, joined - first * 40n, ...rest].join('.')
}

/** A whole number of at most six octets, else null (negative, or larger). */
export function smallNumberOf(integer: DerValue): number | null {
  const content = Buffer.from(integer.content)
  if (content.length > 6 || (content[0] ?? 0) >= 0x80) return null
  return content.readUIntBE(0, content.length)
}

/** The octets of a BIT STRING that is whole octets, as those in certificates are. */
export function bitStringBytesOf(value: DerValue): Uint8Array {
  if (value.content[0] !== 0) throw new DerError('a BIT STRING that is not whole octets')
  return value.content.subarray(1)
}
