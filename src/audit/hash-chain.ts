import { hash } from 'node:crypto'

/**
 * The chain: `hash` of a line is the SHA-256 (lower-case hexadecimal) of the line's UTF-8 bytes as they
 * stand without the hash field and the line feed, `{"time":…,"prev":"…"}`. `prev` is the hash of the
 * line before, also across files. The chain has no key: it shows changes, it does not stop whoever may
 * write the whole file anew; for that the head hash is noted elsewhere.
 */

/** `prev` of the first line that was ever written. */
export const genesis = '0'.repeat(64)

const hashField = ',"hash":"'
/** `,"hash":"…"}` in characters: always the end of the line. */
const sealLength = hashField.length + 64 + 2
const closingBrace = 0x7d
const seal = /^,"hash":"([0-9a-f]{64})"\}$/
const link = /,"prev":"([0-9a-f]{64})"\}$/

/** A serialised event, which ends in `prev`, with its hash put in last. */
export function sealLine(body: string): { readonly line: string; readonly hash: string } {
  const digest = hash('sha256', body, 'hex')
  return { line: `${body.slice(0, -1)}${hashField}${digest}"}`, hash: digest }
}

/** `unchained`: it has no such fields; `altered`: the hash is not that of the line. */
export type Seal = { readonly prev: string; readonly hash: string } | 'unchained' | 'altered'

/** Reads `prev` and `hash` of a line (its bytes, no line feed) and holds the hash against the bytes. */
export function readSeal(line: Buffer): Seal {
  const end = line.length - sealLength
  if (end < 0) return 'unchained'
  const stated = seal.exec(line.toString('latin1', end))?.[1]
  if (stated === undefined) return 'unchained'
  const body = Buffer.from(line.subarray(0, end + 1))
  body[end] = closingBrace
  const prev = link.exec(body.toString('latin1', Math.max(0, body.length - 100)))?.[1]
  if (prev === undefined) return 'unchained'
  return hash('sha256', body, 'hex') === stated ? { prev, hash: stated } : 'altered'
}
