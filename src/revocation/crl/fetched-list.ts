import type { CertificateQuestion } from '../sources.js'
import type { Crl } from './crl.js'

/** How the fetching from one address does; moments are milliseconds since 1970, null: never. */
export interface ListCondition {
  readonly url: string
  readonly fetchedAt: number | null
  readonly failedAt: number | null
  /** Why, where that was the last thing that happened; null: all is well. */
  readonly failure: string | null
}

/** So far ahead of its end a list is fetched anew, as a part of the time that is left: never all at once. */
const earliestPart = 0.5
const jitterPart = 0.25
const longestRenewalMs = 3_600_000
const shortestRenewalMs = 1_000
const shortestBackOffMs = 5_000
const longestBackOffMs = 600_000
/** After that a list that certificates named is fetched no more, until one names it again. */
const wantedMs = 86_400_000

/** What came from one address, and when to go there again. */
export class FetchedList {
  readonly url: string
  /** Named in the configuration: wanted always. */
  readonly isConfigured: boolean
  /** By whose path the lists are verified, where they are not of a configured authority. */
  asker: CertificateQuestion | null = null
  lists: readonly Crl[] = []
  /** SHA-256 of what was taken last: the same bytes are not read again. */
  digest: string | null = null
  /** What was kept on disk has been read. */
  recalled: Promise<void> = Promise.resolve()
  /** The exchange under way. */
  running: Promise<void> | null = null
  #condition: Omit<ListCondition, 'url'> = { fetchedAt: null, failedAt: null, failure: null }
  #dueAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #wantedUntil = Number.NEGATIVE_INFINITY

  constructor(url: string, isConfigured: boolean) {
    this.url = url
    this.isConfigured = isConfigured
  }

  get condition(): ListCondition {
    return { url: this.url, ...this.#condition }
  }

  isDue(nowMs: number): boolean {
    return this.running === null && nowMs >= this.#dueAt
  }

  isWanted(nowMs: number): boolean {
    return this.isConfigured || nowMs <= this.#wantedUntil
  }

  /** As long as anybody relies on it, and a day more. */
  want(asker: CertificateQuestion): void {
    this.asker = asker
    const endsAt = this.#endsAt()
    this.#wantedUntil = Math.max(asker.atMs + wantedMs, Number.isFinite(endsAt) ? endsAt : 0)
  }

  /** Anew well ahead of the end: there is time left to try again then. */
  succeeded(nowMs: number): void {
    const leftMs = this.#endsAt() - nowMs
    if (leftMs <= 0) {
      this.failed('what is offered there is past its next update', nowMs)
      return
    }
    this.#failures = 0
    this.#condition = { ...this.#condition, fetchedAt: nowMs, failure: null }
    const part = earliestPart + Math.random() * jitterPart
    this.#dueAt = nowMs + Math.max(shortestRenewalMs, Math.min(longestRenewalMs, leftMs) * part)
  }

  /** What was kept on disk is in use until then. */
  fetchAtOnce(): void {
    this.#dueAt = Number.NEGATIVE_INFINITY
    this.#failures = 0
  }

  /** What came before holds on. */
  failed(failure: string, nowMs: number): void {
    this.#failures += 1
    this.#condition = { ...this.#condition, failedAt: nowMs, failure }
    const longest = Math.min(longestBackOffMs, shortestBackOffMs * 2 ** (this.#failures - 1))
    this.#dueAt = nowMs + longest * (1 - Math.random() / 2)
  }

  /** When the first of its lists is due for renewal by its authority; one that does not say so never is. */
  #endsAt(): number {
    const ends = this.lists.map(({ head }) => head.nextUpdate ?? Number.POSITIVE_INFINITY)
    return Math.min(...ends)
  }
}
