import { randomBytes } from 'node:crypto'

// The alphabet of Mattermost's identifiers (z-base-32): no letter looks like another.
const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769'

/** A fresh identifier or token in Mattermost's form: 26 lower-case letters and digits. */
export function newId(): string {
  return Array.from(randomBytes(26), (byte) => alphabet.charAt(byte % 32)).join('')
}

/** Whether text has the form of an identifier, of somebody or of nobody. */
export function isId(text: string): boolean {
  return /^[a-z0-9]{26}$/i.test(text)
}
