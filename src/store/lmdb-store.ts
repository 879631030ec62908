import { randomInt } from 'node:crypto'
import type { RootDatabase } from 'lmdb'
import type { Clock } from '../core/clock.js'
import { Fault } from '../core/faults.js'
import { checkRecordName } from './check-record.js'
import { damagedStore } from './damaged-store.js'
import { DiskRoom } from './disk-room.js'
import { acquireLease } from './lease.js'
import { type Seal, type SealedRecord, sealedEnd } from './seal.js'
import type { Lease, RecordOptions, Store, StoreEntry } from './store.js'

const namePattern = /^[!-~]{1,512}$/
const firstName = '!'
const batchSize = 256

export interface LmdbStoreParts {
  readonly database: RootDatabase<Buffer, string>
  readonly seal: Seal
  readonly clock: Clock
  readonly file: string
}

/** The store's records in one LMDB database, each under its seal. */
export class LmdbStore implements Store {
  readonly #database: RootDatabase<Buffer, string>
  readonly #seal: Seal
  readonly #clock: Clock
  readonly #file: string
  readonly #room: DiskRoom

  constructor(parts: LmdbStoreParts) {
    this.#database = parts.database
    this.#seal = parts.seal
    this.#clock = parts.clock
    this.#file = parts.file
    this.#room = new DiskRoom(parts.file)
  }

  async get(name: string): Promise<Uint8Array | null> {
    checkName(name)
    const record = await this.#io('reading a record', () => this.#database.get(name))
    return record === undefined ? null : (this.#unexpired(this.#opened(name, record))?.value ?? null)
  }

  async put(name: string, value: Uint8Array, options: RecordOptions = {}): Promise<void> {
    const sealed = this.#sealed(name, value, options)
    await this.#write('writing a record', sealed.length, () => this.#database.put(name, sealed, newVersion()))
  }

  async delete(name: string): Promise<void> {
    checkName(name)
    await this.#write('deleting a record', 0, () => this.#database.remove(name))
  }

  async compareAndSet(
    name: string,
    expected: Uint8Array | null,
    next: Uint8Array | null,
    options: RecordOptions = {},
  ): Promise<boolean> {
    checkName(name)
    const entry = await this.#io('reading a record', () => this.#database.getEntry(name))
    const current = entry === undefined ? null : this.#opened(name, entry.value)
    if (!sameValue(this.#unexpired(current)?.value ?? null, expected)) return false
    if (entry === undefined) {
      return next === null || this.#putNew(name, this.#sealed(name, next, options))
    }
    // Versions are random: the same one never comes back, so an unchanged version is an unchanged record.
    const { version } = entry
    if (next === null) {
      return this.#write('deleting a record', 0, () => this.#database.remove(name, version ?? 0))
    }
    const sealed = this.#sealed(name, next, options)
    return this.#write('writing a record', sealed.length, () =>
      this.#database.put(name, sealed, newVersion(), version),
    )
  }

  async *list(prefix: string): AsyncIterable<StoreEntry> {
    checkName(prefix)
    for await (const batch of this.#batches(prefix)) {
      for (const { key, value } of batch) {
        if (!key.startsWith(prefix)) return
        if (key === checkRecordName) continue
        const record = this.#unexpired(this.#opened(key, value))
        if (record !== null) yield { name: key, ...record }
      }
    }
  }

  lease(name: string, ttlMs: number): Promise<Lease | null> {
    return acquireLease(this, this.#clock, name, ttlMs)
  }

  async sweep(): Promise<number> {
    const now = this.#clock.now()
    let count = 0
    for await (const batch of this.#batches(firstName)) {
      const expired = batch.filter(({ value }) => (sealedEnd(value) ?? Number.POSITIVE_INFINITY) <= now)
      const removing = expired.map(({ key, version }) =>
        // Only as it was seen: it may have been written anew since.
        this.#write('deleting a record', 0, () => this.#database.remove(key, version ?? 0)),
      )
      count += (await Promise.all(removing)).filter(Boolean).length
    }
    return count
  }

  async close(): Promise<void> {
    await this.#io('closing', () => this.#database.close())
  }

  async #putNew(name: string, sealed: Buffer): Promise<boolean> {
    return this.#write('writing a record', sealed.length, () =>
      this.#database.ifNoExists(name, () => {
        void this.#database.put(name, sealed, newVersion())
      }),
    )
  }

  /** Each read whole before anybody is awaited: an open cursor holds back the reuse of every page. */
  async *#batches(from: string) {
    for (let start = from, exclusiveStart = false; ; exclusiveStart = true) {
      const range = { start, exclusiveStart, limit: batchSize, versions: true }
      const batch = await this.#io('listing records', () => Array.from(this.#database.getRange(range)))
      yield batch
      const last = batch.at(-1)
      if (last === undefined || batch.length < batchSize) return
      start = last.key
    }
  }

  #opened(name: string, record: Uint8Array): SealedRecord {
    const opened = this.#seal.open(name, record)
    if (opened === null) throw damagedStore(this.#file, `its record ${name} does not open`)
    return opened
  }

  #unexpired(record: SealedRecord | null): SealedRecord | null {
    if (record === null || record.expiresAtMs === null) return record
    return record.expiresAtMs > this.#clock.now() ? record : null
  }

  #sealed(name: string, value: Uint8Array, { expiresAtMs = null }: { expiresAtMs?: number | null }): Buffer {
    checkName(name)
    return this.#seal.close(name, { value, expiresAtMs })
  }

  #write<T>(operation: string, bytes: number, action: () => T | Promise<T>): Promise<T> {
    return this.#io(operation, () => this.#room.during(bytes, action))
  }

  async #io<T>(operation: string, action: () => T | Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      throw new Fault('ERR_STORE_IO', `${operation} in ${this.#file}`, { cause })
    }
  }
}

function checkName(name: string): void {
  if (!namePattern.test(name)) throw new TypeError('a record name is 1 to 512 printable ASCII characters')
}

/** LMDB keeps it beside the record and compares it within its own transaction. */
export function newVersion(): number {
  return randomInt(1, 2 ** 48 - 1)
}

function sameValue(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0
}
