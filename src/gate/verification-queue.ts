import { Refusal } from '../core/refusals.js'
import type { Aside } from '../x509/path-status.js'

/** How many may wait for each one that runs: beyond it, an answer now is better than one much later. */
const waitingForEach = 64

/**
 * Bounds what unknown certificates may cost: so many verifications at once, so many waiting, and the
 * same certificate verified once however many requests bring it.
 */
export class VerificationQueue<Result> {
  readonly #concurrency: number
  readonly #running = new Map<string, Promise<Result>>()
  readonly #waiting: (() => void)[] = []
  #active = 0

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  /** @param work gives its place to the next one while it waits for something outside, by what it is handed */
  run(key: string, work: (aside: Aside) => Promise<Result>): Promise<Result> | Refusal {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    if (this.#waiting.length >= this.#concurrency * waitingForEach) {
      return new Refusal('overloaded', { detail: 'too many unknown certificates wait to be verified' })
    }
    const started = this.#take(work).finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }

  async #take(work: (aside: Aside) => Promise<Result>): Promise<Result> {
    await this.#enter()
    try {
      // One turn of the event loop between verifications: known users are served in it.
      await new Promise((resolve) => setImmediate(resolve))
      return await work((waiting) => this.#aside(waiting))
    } finally {
      this.#leave()
    }
  }

  async #aside<Waited>(waiting: () => Promise<Waited>): Promise<Waited> {
    this.#leave()
    try {
      return await waiting()
    } finally {
      await this.#enter()
    }
  }

  async #enter(): Promise<void> {
    if (this.#active >= this.#concurrency) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#active += 1
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#active -= 1
    else next()
  }
}
