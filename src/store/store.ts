/** A record as `list` yields it. */
export interface StoreEntry {
  readonly name: string
  readonly value: Uint8Array
  /** Milliseconds since 1970; null: it does not expire. */
  readonly expiresAtMs: number | null
}

export interface RecordOptions {
  /** Milliseconds since 1970; from then on the record is as good as deleted. Left out: never. */
  readonly expiresAtMs?: number
}

/** A name that one holder has for a time, whatever the number of processes on the store. */
export interface Lease {
  readonly name: string
  /** Milliseconds since 1970; after it somebody else may hold the lease. */
  readonly expiresAtMs: number
  /** Gives it back early; false: it had passed to somebody else. */
  release(): Promise<boolean>
}

/**
 * Sealed records by name. A name is 1 to 512 printable ASCII characters without blanks, its parts
 * divided by `/`. What a promise reported as written survives the process and the machine.
 *
 * Every method may throw a Fault: ERR_STORE_DAMAGED where a record does not open, ERR_STORE_IO where
 * it cannot be read or written.
 */
export interface Store {
  /** The value, or null where there is no such record, or no more. */
  get(name: string): Promise<Uint8Array | null>
  put(name: string, value: Uint8Array, options?: RecordOptions): Promise<void>
  delete(name: string): Promise<void>
  /**
   * Writes `next` (null: deletes) only where the record's value is `expected` (null: there is none), in
   * one step for all processes.
   *
   * @returns whether it was written
   */
  compareAndSet(
    name: string,
    expected: Uint8Array | null,
    next: Uint8Array | null,
    options?: RecordOptions,
  ): Promise<boolean>
  /** The living records whose names begin so, in the order of their names; not a snapshot. */
  list(prefix: string): AsyncIterable<StoreEntry>
  /** Null while somebody else holds it. */
  lease(name: string, ttlMs: number): Promise<Lease | null>
  /** Deletes what has expired; the store's owner calls it now and then. */
  sweep(): Promise<number>
  close(): Promise<void>
}
