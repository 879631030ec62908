import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.js'
import type { CertificateVerdict } from './verdict.js'

/** In characters of their keys, a presented certificate each: some 30,000 of the usual 2 KB. */
const mostGood = 64_000_000
/** Enough to answer a misconfigured client cheaply, small enough to be worth little to a flood. */
const mostBad = 4_000_000

/**
 * Verdicts by presented certificate. Good and bad ones are kept apart, so that a flood of bad
 * certificates cannot push good ones out. Each entry ends with its weakest input, and none outlives
 * the generation of the trust store that it was made with.
 */
export class VerdictCache {
  readonly #clock: Clock
  readonly #good = boundedBy(mostGood)
  readonly #bad = boundedBy(mostBad)

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

  clear(): void {
    this.#good.clear()
    this.#bad.clear()
  }

  /** Drops what is known of one certificate, in whatever words it was presented. */
  drop(sha256: string): void {
    for (const cache of [this.#good, this.#bad]) {
      for (const [name, { certificate }] of cache.entries())
        if (certificate?.facts.sha256 === sha256) cache.delete(name)
    }
  }

  /** Drops what is due; called once a second, so that no entry needs a timer. */
  sweep(): void {
    const now = this.#clock.now()
    for (const cache of [this.#good, this.#bad]) {
      for (const [name, verdict] of cache.entries()) if (now > verdict.endsAt) cache.delete(name)
    }
  }
}

function boundedBy(maxSize: number): LRUCache<string, CertificateVerdict> {
  return new LRUCache({ maxSize, sizeCalculation: (_verdict, name) => name.length })
}

function entryName(generation: number, key: string): string {
  return `${generation} ${key}`
}
