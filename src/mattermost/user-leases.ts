import { setTimeout as delay } from 'node:timers/promises'
import type { Lease, Store } from '../store/store.js'

/** Longer than making a token takes; so long a killed process keeps others from its user. */
const leaseMs = 20_000
const pollMs = 100

/** One change of a user's token at a time: queued within this process, leased among all on the store. */
export class UserLeases {
  readonly #store: Store
  readonly #closing = new AbortController()
  readonly #last = new Map<string, Promise<void>>()

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * @param waitMs for a process that has the lease
   * @returns null: another process has it still, or this one is closing; nothing was done
   */
  run<Result>(userId: string, waitMs: number, action: () => Promise<Result>): Promise<Result | null> {
    const before = this.#last.get(userId) ?? Promise.resolve()
    const turn = before.then(() => this.#leased(userId, waitMs, action))
    const over = turn.then(
      () => undefined,
      () => undefined,
    )
    this.#last.set(userId, over)
    void over.then(() => {
      if (this.#last.get(userId) === over) this.#last.delete(userId)
    })
    return turn
  }

  /** Ends the waiting, and resolves when what has begun is done. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#last.values())
  }

  async #leased<Result>(
    userId: string,
    waitMs: number,
    action: () => Promise<Result>,
  ): Promise<Result | null> {
    const lease = await this.#acquire(`token/${userId}`, waitMs)
    if (lease === null) return null
    try {
      return await action()
    } finally {
      await lease.release()
    }
  }

  async #acquire(name: string, waitMs: number): Promise<Lease | null> {
    const { signal } = this.#closing
    for (let waitedMs = 0; !signal.aborted; waitedMs += pollMs) {
      const lease = await this.#store.lease(name, leaseMs)
      if (lease !== null || waitedMs >= waitMs) return lease
      await delay(pollMs, undefined, { signal }).catch(() => undefined)
    }
    return null
  }
}
