import type { Clock } from '../../core/clock.js'
import type { Answer } from './answer.js'
import type { Settings } from './settings.js'

/** Rule 50, by the peer's address: a bucket of burst + 1 that refills at `perSec`. */
export class RateLimiter {
  readonly #clock: Clock
  readonly #buckets = new Map<string, { left: number; at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The headers for an answer, and whether the request is above the limit; null: no limit is set. */
  take(key: string, limit: Settings['rateLimit']): { over: boolean; headers: Record<string, string> } | null {
    if (limit === null) return null
    const size = limit.maxBurst + 1
    const now = this.#clock.now()
    const bucket = this.#buckets.get(key) ?? { left: size, at: now }
    const refilled = Math.min(size, bucket.left + ((now - bucket.at) / 1000) * limit.perSec)
    const over = refilled < 1
    const left = over ? refilled : refilled - 1
    this.#buckets.set(key, { left, at: now })
    const headers = {
      'X-Ratelimit-Limit': String(size),
      'X-Ratelimit-Remaining': String(Math.floor(left)),
      'X-Ratelimit-Reset': String(Math.ceil((size - left) / limit.perSec)),
      ...(over ? { 'Retry-After': String(Math.ceil((1 - left) / limit.perSec)) } : {}),
    }
    return { over, headers }
  }
}

export const limitExceeded: Answer = {
  status: 429,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  body: 'limit exceeded\n',
  routed: 'bare',
}
