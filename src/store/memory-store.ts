import type { Clock } from '../core/clock.js'
import { acquireLease } from './lease.js'
import type { Lease, RecordOptions, Store, StoreEntry } from './store.js'

/** A store that nothing outlives: for `explain` where the gateway has none yet, and for tests. */
export function memoryStore(clock: Clock): Store {
  return new MemoryStore(clock)
}

class MemoryStore implements Store {
  readonly #clock: Clock
  readonly #records = new Map<string, StoreEntry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async get(name: string): Promise<Uint8Array | null> {
    return this.#living(name)?.value ?? null
  }

  async put(name: string, value: Uint8Array, options: RecordOptions = {}): Promise<void> {
    this.#records.set(name, { name, value, expiresAtMs: options.expiresAtMs ?? null })
  }

  async delete(name: string): Promise<void> {
    this.#records.delete(name)
  }

  async compareAndSet(
    name: string,
    expected: Uint8Array | null,
    next: Uint8Array | null,
    options: RecordOptions = {},
  ): Promise<boolean> {
    const current = this.#living(name)?.value ?? null
    const equal =
      current === null || expected === null
        ? current === expected
        : Buffer.from(current).equals(Buffer.from(expected))
    if (!equal) return false
    if (next === null) this.#records.delete(name)
    else this.#records.set(name, { name, value: next, expiresAtMs: options.expiresAtMs ?? null })
    return true
  }

  async *list(prefix: string): AsyncIterable<StoreEntry> {
    for (const name of [...this.#records.keys()].filter((known) => known.startsWith(prefix)).sort()) {
      const record = this.#living(name)
      if (record !== undefined) yield record
    }
  }

  lease(name: string, ttlMs: number): Promise<Lease | null> {
    return acquireLease(this, this.#clock, name, ttlMs)
  }

  async sweep(): Promise<number> {
    const before = this.#records.size
    for (const name of [...this.#records.keys()])
      if (this.#living(name) === undefined) this.#records.delete(name)
    return before - this.#records.size
  }

  async close(): Promise<void> {
    this.#records.clear()
  }

  #living(name: string): StoreEntry | undefined {
    const record = this.#records.get(name)
    const expired =
      record !== undefined && record.expiresAtMs !== null && this.#clock.now() >= record.expiresAtMs
    return expired ? undefined : record
  }
}
