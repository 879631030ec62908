import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.js'
import type { CertificateVerdict } from './verdict.js'

/** Distinct certificates remembered; each key is a presented certificate of some 2 KB. */
const mostGood = 20_000
/** Enough to answer a misconfigured client cheaply, small enough to be worth little to a flood. */
const mostBad = 2_000

/**
 * Verdicts by presented certificate. Good and bad ones are kept apart, so that a flood of bad
 * certificates cannot push good ones out. Each entry ends with its weakest input, and none outlives
 * the generation of the trust store that it was made with.
 */
export class VerdictCache {
  readonly #clock: Clock
  readonly #good = new LRUCache<string, CertificateVerdict>({ max: mostGood })
  readonly #bad = new LRUCache<string, CertificateVerdict>({ max: mostBad })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(generation: number, key: string): CertificateVerdict | undefined {
    const name = entryName(generation, key)
    const verdict = this.#good.get(name) ?? this.#bad.get(name)
    if (verdict === undefined || this.#clock.now() <= verdict.endsAt) return verdict
    this.#good.delete(name)
    this.#bad.delete(name)
    return undefined
  }

  put(generation: number, key: string, verdict: CertificateVerdict): void {
    const cache = verdict.refusal === null ? this.#good : this.#bad
    cache.set(entryName(generation, key), verdict)
  }

  /** Drops what is due; called once a second, so that no entry needs a timer. */
  sweep(): void {
    const now = this.#clock.now()
    for (const cache of [this.#good, this.#bad]) {
      for (const [name, verdict] of cache.entries()) if (now > verdict.endsAt) cache.delete(name)
    }
  }
}

function entryName(generation: number, key: string): string {
  return `${generation} ${key}`
}
