import { setTimeout as sleep } from 'node:timers/promises'
import type { Fetcher, FetchFailure, FetchRequest, FetchResult } from './fetcher.js'

export interface FetchQueueLimits {
  /** Exchanges under way with one host and port. */
  readonly running: number
  /** Those that wait for their turn with it; more are `overloaded`. */
  readonly waiting: number
  readonly tries: number
  /** One try; `timeoutMs` of the request bounds waiting and all tries together. */
  readonly tryMs: number
  /** Before the second try; twice as long before each further one, less a random part of up to a half. */
  readonly backOffMs: number
}

interface Host {
  running: number
  readonly waiting: Set<(failure: FetchFailure | null) => void>
}

/** Failures that may have passed a moment later. */
const passing: ReadonlySet<FetchFailure> = new Set(['timeout', 'unreachable', 'bad_status'])

/** Tries again where that may help, and keeps a host that hangs from holding up the others. */
export class FetchQueue {
  readonly #fetcher: Pick<Fetcher, 'fetch'>
  readonly #limits: FetchQueueLimits
  readonly #hosts = new Map<string, Host>()
  readonly #closing = new AbortController()

  constructor(fetcher: Pick<Fetcher, 'fetch'>, limits: FetchQueueLimits) {
    this.#fetcher = fetcher
    this.#limits = limits
  }

  async fetch(wanted: FetchRequest): Promise<FetchResult> {
    const until = performance.now() + wanted.timeoutMs
    const name = URL.canParse(wanted.url) ? new URL(wanted.url).host : ''
    const host = this.#hosts.get(name) ?? { running: 0, waiting: new Set() }
    this.#hosts.set(name, host)
    const failure = await this.#enter(host, wanted.timeoutMs)
    if (failure !== null) return { failure }
    try {
      return await this.#fetchUntil(wanted, until)
    } finally {
      this.#leave(name, host)
    }
  }

  /** Ends those that wait as `closed`; what is under way is ended by the fetcher's own close. */
  close(): void {
    this.#closing.abort()
    for (const { waiting } of this.#hosts.values()) for (const end of waiting) end('closed')
  }

  /** Null: there is room. */
  #enter(host: Host, longestMs: number): Promise<FetchFailure | null> {
    if (this.#closing.signal.aborted) return Promise.resolve('closed')
    if (host.running < this.#limits.running) {
      host.running += 1
      return Promise.resolve(null)
    }
    if (host.waiting.size >= this.#limits.waiting) return Promise.resolve('overloaded')
    return new Promise((resolve) => {
      const end = (failure: FetchFailure | null) => {
        clearTimeout(timer)
        host.waiting.delete(end)
        resolve(failure)
      }
      const timer = setTimeout(end, longestMs, 'timeout')
      host.waiting.add(end)
    })
  }

  /** The place passes to who waited longest. */
  #leave(name: string, host: Host): void {
    const [next] = host.waiting
    if (next !== undefined) next(null)
    else host.running -= 1
    if (host.running === 0) this.#hosts.delete(name)
  }

  async #fetchUntil(wanted: FetchRequest, until: number): Promise<FetchResult> {
    const { tries, tryMs, backOffMs } = this.#limits
    let result: FetchResult = { failure: 'timeout' }
    for (let count = 0; count < tries; count += 1) {
      if (count > 0) await this.#pause(backOffMs * 2 ** (count - 1) * (1 - Math.random() / 2))
      if (this.#closing.signal.aborted) return { failure: 'closed' }
      const leftMs = Math.floor(until - performance.now())
      if (leftMs < 1) return result
      result = await this.#fetcher.fetch({ ...wanted, timeoutMs: Math.min(tryMs, leftMs) })
      if (!('failure' in result) || !passing.has(result.failure)) return result
    }
    return result
  }

  async #pause(ms: number): Promise<void> {
    // It rejects when it is cut short, and for nothing else.
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }
}
