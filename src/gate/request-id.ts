import { randomFillSync } from 'node:crypto'

/** 32 letters and digits that cannot be mistaken for one another, as in Mattermost's own ids. */
const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769'
const length = 26
const pool = new Uint8Array(length * 128)
let used = pool.length

/** 26 characters, 130 random bits: the form of Mattermost's own request ids. */
export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  let id = ''
  for (const end = used + length; used < end; used += 1) id += alphabet[(pool[used] ?? 0) & 31] ?? ''
  return id
}
