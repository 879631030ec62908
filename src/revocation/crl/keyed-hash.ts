import { randomBytes } from 'node:crypto'

export type HashKey = readonly [number, number]

/** Of this process alone: an authority that chooses its serial numbers cannot choose where they fall. */
export function newHashKey(): HashKey {
  const bytes = randomBytes(8)
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)]
}

/**
 * HalfSipHash-2-4 with 32 bits of output (https://github.com/veorq/SipHash): a short hash under a key, for
 * tables whose keys somebody else chooses.
 */
export function keyedHash([k0, k1]: HashKey, bytes: Uint8Array, start: number, end: number): number {
  const state: State = [k0, k1, 0x6c796765 ^ k0, 0x74656462 ^ k1]
  const length = end - start
  const whole = end - (length % 4)
  for (let at = start; at < whole; at += 4) {
    const word =
      (bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24)
    absorb(state, word)
  }
  let last = length << 24
  for (let at = whole; at < end; at += 1) last |= (bytes[at] ?? 0) << (8 * (at - whole))
  absorb(state, last)
  state[2] ^= 0xff
  for (let count = 0; count < 4; count += 1) round(state)
  return (state[1] ^ state[3]) >>> 0
}

type State = [number, number, number, number]

function absorb(state: State, word: number): void {
  state[3] ^= word
  round(state)
  round(state)
  state[0] ^= word
}

function round(state: State): void {
  let [v0, v1, v2, v3] = state
  v0 = (v0 + v1) | 0
  v1 = rotate(v1, 5) ^ v0
  v0 = rotate(v0, 16)
  v2 = (v2 + v3) | 0
  v3 = rotate(v3, 8) ^ v2
  v0 = (v0 + v3) | 0
  v3 = rotate(v3, 7) ^ v0
  v2 = (v2 + v1) | 0
  v1 = rotate(v1, 13) ^ v2
  v2 = rotate(v2, 16)
  state[0] = v0
  state[1] = v1
  state[2] = v2
  state[3] = v3
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
