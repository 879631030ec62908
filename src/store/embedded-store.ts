import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import type { Clock } from '../core/clock.js'
import { Fault } from '../core/faults.js'
import { checkRecordName, checkRecordProblem, newCheckRecord } from './check-record.js'
import { damagedStore } from './damaged-store.js'
import { databaseFileProblem } from './database-file.js'
import { DiskRoom } from './disk-room.js'
import { ownKey, readKeyFile } from './key-file.js'
import { LmdbStore, newVersion } from './lmdb-store.js'
import { Seal } from './seal.js'
import type { Store } from './store.js'

export interface EmbeddedStoreOptions {
  /** Folder of the store; made, with mode 0700, where it is missing. */
  readonly path: string
  /** Text file with 32 random bytes as hex or base64; null: `PATH/key`, made where it is missing. */
  readonly keyFile: string | null
  readonly clock: Clock
}

export interface OpenedStore {
  readonly store: Store
  /** What the operator should look at, a sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Opens a store on LMDB; several processes may have it open at once.
 *
 * @throws Fault ERR_STORE_KEY: not a key, or not this store's; ERR_STORE_DAMAGED: damaged or something
 *   else; ERR_STORE_IO. Each names the path and the way out.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<OpenedStore> {
  const { path, keyFile, clock } = options
  const file = join(path, 'records.mdb')
  inFolder(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }))
  const { key, warnings } = keyFile === null ? ownKey(path, file) : readKeyFile(keyFile)
  const problem = inFolder(path, () => databaseFileProblem(file))
  if (problem !== null) throw damagedStore(file, problem)
  // A new database is a few pages.
  const room = new DiskRoom(file)
  const database = await room.during(0, () => inFolder(path, () => openDatabase(file)))
  const seal = new Seal(key)
  try {
    const names = { file, keyFile: keyFile ?? join(path, 'key') }
    await room.during(0, () => checkKey(database, seal, names))
  } catch (error) {
    await database.close()
    throw error
  }
  return { store: new LmdbStore({ database, seal, clock, file }), warnings }
}

function openDatabase(file: string): RootDatabase<Buffer, string> {
  const database = open<Buffer, string>({
    path: file,
    noSubdir: true,
    encoding: 'binary',
    useVersions: true,
    // Flush within the commit: what a promise reports as written is on the disk.
    overlappingSync: false,
  })
  chmodSync(file, 0o600)
  return database
}

async function checkKey(
  database: RootDatabase<Buffer, string>,
  seal: Seal,
  names: { file: string; keyFile: string },
): Promise<void> {
  if (database.getEntry(checkRecordName) === undefined) {
    if (database.getKeysCount({ limit: 1 }) > 0)
      throw damagedStore(names.file, 'it was not made by mattergate')
    // Where another process was quicker, its record is the one to pass.
    await database.ifNoExists(checkRecordName, () => {
      void database.put(checkRecordName, newCheckRecord(seal), newVersion())
    })
  }
  const problem = checkRecordProblem(seal, database.get(checkRecordName))
  if (problem === 'damaged') throw damagedStore(names.file, 'its first record is damaged')
  if (problem === 'key') {
    throw new Fault(
      'ERR_STORE_KEY',
      `${names.keyFile} is not the key of ${names.file}. Put the right key back, or remove ${names.file} to begin anew: everyone is then signed in anew, and the memory of who is who is lost.`,
    )
  }
}

function inFolder<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown'
    throw new Fault(
      'ERR_STORE_IO',
      `the store in ${path} cannot be opened: ${reason}. See that mattergate's user may write there (sessions.path).`,
      { cause },
    )
  }
}
