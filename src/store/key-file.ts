import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../core/faults.js'

const keyBytes = 32

/** How to write a key that fits, for the end of a message. */
const remedy =
  'It must hold 32 random bytes as hex or base64 text: openssl rand -base64 32 makes such a key, but a store that exists opens with its own key only.'

export interface StoreKey {
  readonly key: Uint8Array
  readonly warnings: readonly string[]
}

/** @throws Fault ERR_STORE_KEY naming the file and what it must hold */
export function readKeyFile(file: string): StoreKey {
  let text: string
  let mode: number
  try {
    text = readFileSync(file, 'latin1')
    mode = statSync(file).mode
  } catch (cause) {
    throw new Fault('ERR_STORE_KEY', `the key of the store cannot be read from ${file}. ${remedy}`, { cause })
  }
  const key = parseKey(text.trim())
  if (key === null) throw new Fault('ERR_STORE_KEY', `${file} is not a key of the store. ${remedy}`)
  const open = (mode & 0o007) !== 0
  return {
    key,
    warnings: open ? [`${file} can be read by everyone on this machine: chmod 0600 it.`] : [],
  }
}

/**
 * The key in the store's own folder, made where there is no store yet.
 *
 * @param folder of the store
 * @param database whose presence means that there was a key
 */
export function ownKey(folder: string, database: string): StoreKey {
  const file = join(folder, 'key')
  if (!existsSync(file)) {
    if (existsSync(database)) {
      throw new Fault(
        'ERR_STORE_KEY',
        `${file} is gone, and ${database} opens with that key only. Put it back, or remove ${database} to begin anew: everyone is then signed in anew, and the memory of who is who is lost.`,
      )
    }
    makeKey(folder, file)
  }
  const { key, warnings } = readKeyFile(file)
  return { key, warnings: [...warnings, besideTheStore(file)] }
}

function besideTheStore(file: string): string {
  return `The key of the store lies beside it (${file}): who copies the folder can read it. Name a key elsewhere in sessions.keyFile.`
}

/** Under its name only once it is whole: two processes that start together end up with one key. */
function makeKey(folder: string, file: string): void {
  const draft = join(folder, `key.${randomBytes(6).toString('hex')}`)
  try {
    writeFileSync(draft, `${randomBytes(keyBytes).toString('base64')}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    })
    linkSync(draft, file)
  } catch (cause) {
    if (!existsSync(file)) throw new Fault('ERR_STORE_IO', `${file} cannot be written`, { cause })
  } finally {
    rmSync(draft, { force: true })
  }
}

function parseKey(text: string): Uint8Array | null {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  if (!/^[A-Za-z0-9+/]{43}=?$/.test(text)) return null
  const key = Buffer.from(text, 'base64')
  return key.length === keyBytes ? key : null
}
