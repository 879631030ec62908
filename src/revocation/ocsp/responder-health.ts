import { LRUCache } from 'lru-cache'
import type { CertificateStatus } from '../sources.js'

/** How one responder did; moments are milliseconds since 1970, null: never. */
export interface ResponderCondition {
  readonly url: string
  /** When it last gave an answer that was believed. */
  readonly answeredAt: number | null
  /** When it last gave none. */
  readonly failedAt: number | null
  /** Why, where that was the last thing that happened; null: all is well. */
  readonly failure: string | null
}

/** Certificates name the responders: no more are remembered than these. */
const mostResponders = 64

export class ResponderHealth {
  readonly #conditions = new LRUCache<string, ResponderCondition>({ max: mostResponders })

  get conditions(): readonly ResponderCondition[] {
    return [...this.#conditions.values()]
  }

  /** A status without thisUpdate is an answer that was not believed, or none. */
  note(url: string, { thisUpdate, detail }: CertificateStatus, atMs: number): void {
    const { answeredAt, failedAt } = this.#conditions.peek(url) ?? { answeredAt: null, failedAt: null }
    const next =
      thisUpdate === null
        ? { answeredAt, failedAt: atMs, failure: detail }
        : { answeredAt: atMs, failedAt, failure: null }
    this.#conditions.set(url, { url, ...next })
  }
}
