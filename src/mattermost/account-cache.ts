import { LRUCache } from 'lru-cache'
import type { Refusal } from '../core/refusals.js'
import type { MattermostUser } from './user.js'

const mostAccounts = 50_000
const mostRefusals = 10_000

/** What was last read of one user; shared by every identity that stands for him. */
interface Account {
  user: MattermostUser
  refusal: Refusal | null
  /** When that reading was begun. */
  readAt: number
}

interface Mapping {
  readonly account: Account
  readonly endsAt: number
}

interface CachedRefusal {
  readonly refusal: Refusal
  readonly endsAt: number
}

/**
 * Who stands behind an identity, for as long as that is believed. Refusals have a cache of their own, so
 * that a flood of unknown certificates does not push the known ones out. Times are milliseconds since 1970.
 */
export class AccountCache {
  readonly #mappings = new LRUCache<string, Mapping>({ max: mostAccounts })
  readonly #accounts = new LRUCache<string, Account>({ max: mostAccounts })
  readonly #refusals = new LRUCache<string, CachedRefusal>({ max: mostRefusals })

  user(key: string, now: number): MattermostUser | null {
    const mapping = this.#mappings.get(key)
    if (mapping === undefined || now >= mapping.endsAt || mapping.account.refusal !== null) return null
    return mapping.account.user
  }

  refusal(key: string, now: number): Refusal | null {
    const cached = this.#refusals.get(key)
    return cached === undefined || now >= cached.endsAt ? null : cached.refusal
  }

  putUser(key: string, user: MattermostUser, readAt: number, endsAt: number): void {
    this.#refusals.delete(key)
    this.#mappings.set(key, { account: this.noteAccount(user, null, readAt), endsAt })
  }

  putRefusal(key: string, refusal: Refusal, endsAt: number): void {
    this.#mappings.delete(key)
    this.#refusals.set(key, { refusal, endsAt })
  }

  /** What a reading says of a user holds at once for every identity of his; an older one changes nothing. */
  noteAccount(user: MattermostUser, refusal: Refusal | null, readAt: number): Account {
    const known = this.#accounts.get(user.id)
    if (known !== undefined) {
      if (readAt >= known.readAt) Object.assign(known, { user, refusal, readAt })
      return known
    }
    const account = { user, refusal, readAt }
    this.#accounts.set(user.id, account)
    return account
  }

  /** The account is gone: nobody is this user any more. */
  noteMissing(userId: string, refusal: Refusal, readAt: number): void {
    const known = this.#accounts.get(userId)
    if (known !== undefined) this.noteAccount(known.user, refusal, readAt)
  }
}
