import { LRUCache } from 'lru-cache'
import { type CertificateStatus, unknown } from '../sources.js'
import type { OcspQuestion } from './judge-response.js'

interface Held {
  readonly question: OcspQuestion
  readonly status: CertificateStatus
  /** Milliseconds since 1970: when to ask again, ahead of the end. */
  readonly askAgainAt: number
  /** Milliseconds since 1970: until when somebody relies on it. What nobody wants is not asked again. */
  readonly wantedUntil: number
}

const mostHeld = 20_000
/** An answer that settles nothing is kept so long: a flood of requests asks once. */
const unknownMs = 10_000
/** However far its end is, an answer is asked for anew after this. */
const longestHeldMs = 3_600_000

/** What responders said of each certificate, none older than one seen before; it needs no timer. */
export class AnswerBook {
  readonly #held = new LRUCache<string, Held>({ max: mostHeld })

  /** What is known at this time; null: it has to be asked. */
  look(key: string, atMs: number): CertificateStatus | null {
    const held = this.#held.get(key)
    if (held === undefined || atMs > held.status.validUntil) return null
    this.want(key, held.status.validUntil)
    return held.status
  }

  /** Somebody relies on it until then. */
  want(key: string, untilMs: number): void {
    const held = this.#held.get(key)
    if (held !== undefined && held.wantedUntil < untilMs)
      this.#held.set(key, { ...held, wantedUntil: untilMs })
  }

  /** What is to be asked again, the longest due first. */
  due(nowMs: number): readonly { readonly key: string; readonly question: OcspQuestion }[] {
    return [...this.#held.entries()]
      .filter(([, { askAgainAt, wantedUntil }]) => nowMs >= askAgainAt && nowMs <= wantedUntil)
      .toSorted(([, a], [, b]) => a.askAgainAt - b.askAgainAt)
      .map(([key, { question }]) => ({ key, question }))
  }

  /** Takes an answer in; what holds from now on may be an earlier one. */
  enter(
    key: string,
    question: OcspQuestion,
    status: CertificateStatus,
  ): { readonly held: CertificateStatus; readonly hasTurned: boolean } {
    const before = this.#held.peek(key)
    const { atMs } = question
    const held = before === undefined ? lasting(status, atMs) : chosen(before.status, status, atMs)
    const isEarlier = held !== status && held.thisUpdate !== null && held.thisUpdate !== status.thisUpdate
    const askAgainAt = isEarlier ? atMs + unknownMs : renewalOf(held, atMs)
    this.#held.set(key, { question, status: held, askAgainAt, wantedUntil: before?.wantedUntil ?? atMs })
    return { held, hasTurned: before !== undefined && isWorse(held, before.status) }
  }
}

/** What is not known may be allowed: that it is revoked is worse. */
function isWorse({ kind }: CertificateStatus, before: CertificateStatus): boolean {
  const ranks = { good: 0, unknown: 1, revoked: 2 }
  return ranks[kind] > ranks[before.kind]
}

/** Of what is held and what came. Who answers with something older, or not at all, takes nothing back. */
function chosen(before: CertificateStatus, status: CertificateStatus, atMs: number): CertificateStatus {
  const isSettled = status.thisUpdate !== null
  if (isSettled && !isOlder(status, before)) return lasting(status, atMs)
  if (before.thisUpdate === null) return lasting(status, atMs)
  if (atMs <= before.validUntil) return before
  // A revocation does not end because nobody repeats it.
  if (before.kind === 'revoked') return { ...before, validUntil: atMs + unknownMs }
  const reason = isSettled ? 'the responder gives an older answer than before' : (status.detail ?? '')
  // It remembers the time of the newest, so that an older one is known as such next time too.
  const { source, thisUpdate } = before
  return { ...unknown(reason), source, thisUpdate, validUntil: atMs + unknownMs }
}

/** At the same time a revocation is the later word. */
function isOlder(status: CertificateStatus, before: CertificateStatus): boolean {
  const [here, there] = [status.thisUpdate ?? 0, before.thisUpdate ?? 0]
  return here < there || (here === there && before.kind === 'revoked' && status.kind !== 'revoked')
}

function lasting(status: CertificateStatus, atMs: number): CertificateStatus {
  if (status.kind === 'unknown') return { ...status, validUntil: atMs + unknownMs }
  // What was given as a revocation past its end holds on, and is asked for again.
  return atMs <= status.validUntil ? status : { ...status, validUntil: atMs + unknownMs }
}

/** Early, so that there is time left to try again, and so that a revocation is not long unknown. */
function renewalOf({ kind, validUntil }: CertificateStatus, atMs: number): number {
  if (kind === 'unknown') return atMs + unknownMs / 2
  return atMs + Math.min(longestHeldMs, Math.max(1_000, (validUntil - atMs) / 4))
}
