/** One entry for each byte: 1 where it belongs to the set. */
export type ByteSet = Uint8Array

/** RFC 9110 §5.6.2: what a method or a field name is made of. */
export const token = byteSet(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/)
/** RFC 9110 §5.5: what a field value may hold; also what a chunk extension may, at most. */
export const fieldValue = byteSet(/[\t\x20-\x7e\x80-\xff]/)
/** More than a request target may hold: the parser judges the rest. */
export const target = byteSet(/[\x21-\x7e\x80-\xff]/)
/** Optional white space. */
export const blank = byteSet(/[\t ]/)
export const hexadecimal = byteSet(/[0-9A-Fa-f]/)

/** @returns the first position from `start` on whose byte is not in the set, or the chunk's length. */
export function endOfRun(chunk: Buffer, start: number, set: ByteSet): number {
  let at = start
  while (at < chunk.length && set[chunk[at] ?? 0] === 1) at += 1
  return at
}

function byteSet(members: RegExp): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => (members.test(String.fromCharCode(byte)) ? 1 : 0))
}
