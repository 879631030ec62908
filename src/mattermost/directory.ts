import type { Clock } from '../core/clock.js'
import { Fault } from '../core/faults.js'
import { Refusal } from '../core/refusals.js'
import type { Identity } from '../identity/identity.js'
import type { Store } from '../store/store.js'
import { AccountCache } from './account-cache.js'
import type { MattermostClient } from './client.js'
import { identityKey, recallIdentity, rememberIdentity } from './remembered-identities.js'
import { SingleFlight } from './single-flight.js'
import type { MattermostUser } from './user.js'

export interface DirectoryOptions {
  readonly client: Pick<MattermostClient, 'userByEmail' | 'userByUsername' | 'userById'>
  readonly store: Store
  /** How long an account's state is believed. */
  readonly cacheMs: number
  readonly clock: Clock
  /** Left out: true. False: what is found is not remembered, as `explain` changes nothing. */
  readonly remember?: boolean
  /** Told of each reading that finds a user deactivated: his tokens must go. */
  readonly onDeactivated?: (userId: string) => void
}

/** A refusal may be mended at Mattermost at any moment, and costs a certificate to provoke. */
const refusalCacheMs = 5_000

/**
 * Which account an identity stands for. Trust, rule and value once mapped to a user id stay so (the
 * store remembers), since a user may change his own name at will (contract rule 35).
 */
export class Directory {
  readonly #options: DirectoryOptions
  readonly #cache = new AccountCache()
  readonly #finding = new SingleFlight<MattermostUser | Refusal>()
  readonly #rereading = new SingleFlight<MattermostUser | Refusal>()

  constructor(options: DirectoryOptions) {
    this.#options = Object.freeze({ ...options })
  }

  /** The account if it is at hand and still believed: nothing is asked for. */
  cached(identity: Identity): MattermostUser | null {
    return this.#cache.user(identityKey(identity), this.#options.clock.now())
  }

  /**
   * @returns the account, or identity_ambiguous, user_unknown, user_deactivated, user_is_bot,
   *   mattermost_unavailable
   * @throws Fault ERR_STORE_DAMAGED, ERR_STORE_IO
   */
  async find(identity: Identity): Promise<MattermostUser | Refusal> {
    const key = identityKey(identity)
    const now = this.#options.clock.now()
    const known = this.#cache.user(key, now) ?? this.#cache.refusal(key, now)
    return known ?? this.#finding.run(key, () => this.#unlessUnavailable(() => this.#lookUp(identity, key)))
  }

  /** Reads an account past the cache; what is found holds for every identity of that user at once. */
  reread(userId: string): Promise<MattermostUser | Refusal> {
    return this.#rereading.run(userId, () => this.#unlessUnavailable(() => this.#readAgain(userId)))
  }

  async #lookUp(identity: Identity, key: string): Promise<MattermostUser | Refusal> {
    const { clock, cacheMs } = this.#options
    const readAt = clock.now()
    const remembered = await recallIdentity(this.#options.store, identity)
    const found =
      remembered === null
        ? await this.#mapAnew(identity, readAt)
        : await this.#readMapped(identity, remembered.userId, readAt)
    if (found instanceof Refusal) {
      this.#cache.putRefusal(key, found, readAt + Math.min(refusalCacheMs, cacheMs))
    } else this.#cache.putUser(key, found, readAt, readAt + cacheMs)
    return found
  }

  async #mapAnew(identity: Identity, readAt: number): Promise<MattermostUser | Refusal> {
    const { store, remember = true } = this.#options
    const bearer = await this.#bearer(identity)
    if (bearer === null) {
      return new Refusal('user_unknown', { detail: `no account has the ${identity.match} ${identity.value}` })
    }
    const found = this.#judge(bearer, readAt)
    if (found instanceof Refusal || !remember) return found
    const { trust, rule, value } = identity
    const mapping = { trust, rule, value, userId: found.id, rememberedAt: readAt }
    if (await rememberIdentity(store, mapping)) return found
    // Another process was quicker; what it remembered decides.
    const remembered = await recallIdentity(store, identity)
    return remembered === null ? found : this.#readMapped(identity, remembered.userId, readAt)
  }

  async #readMapped(identity: Identity, userId: string, readAt: number): Promise<MattermostUser | Refusal> {
    const user = await this.#options.client.userById(userId)
    if (user === null || !bears(user, identity)) {
      const bearer = await this.#bearer(identity)
      if (bearer !== null && bearer.id !== userId) return ambiguous(identity, userId, bearer)
    }
    return user === null ? this.#missing(userId, readAt) : this.#judge(user, readAt)
  }

  async #readAgain(userId: string): Promise<MattermostUser | Refusal> {
    const readAt = this.#options.clock.now()
    const user = await this.#options.client.userById(userId)
    return user === null ? this.#missing(userId, readAt) : this.#judge(user, readAt)
  }

  /** The account that bears the value now, and really does: an answer for another one is none. */
  async #bearer(identity: Identity): Promise<MattermostUser | null> {
    const { client } = this.#options
    const found =
      identity.match === 'email'
        ? await client.userByEmail(identity.value)
        : await client.userByUsername(identity.value)
    return found !== null && bears(found, identity) ? found : null
  }

  #judge(user: MattermostUser, readAt: number): MattermostUser | Refusal {
    const refusal = accountRefusal(user)
    this.#cache.noteAccount(user, refusal, readAt)
    if (user.deleteAt !== 0) this.#options.onDeactivated?.(user.id)
    return refusal ?? user
  }

  #missing(userId: string, readAt: number): Refusal {
    const detail = `the account ${userId} is gone; \`mattergate identities forget\` maps its certificates anew`
    const refusal = new Refusal('user_unknown', { detail })
    this.#cache.noteMissing(userId, refusal, readAt)
    return refusal
  }

  /** Mattermost down is no answer about an account, so nothing of it is cached. */
  async #unlessUnavailable(
    action: () => Promise<MattermostUser | Refusal>,
  ): Promise<MattermostUser | Refusal> {
    try {
      return await action()
    } catch (error) {
      if (!(error instanceof Fault) || !error.code.startsWith('ERR_MATTERMOST_')) throw error
      return new Refusal('mattermost_unavailable', { detail: `${error.code}: ${error.message}` })
    }
  }
}

function accountRefusal(user: MattermostUser): Refusal | null {
  if (user.deleteAt !== 0) {
    return new Refusal('user_deactivated', { detail: `${user.username} (${user.id}) is deactivated` })
  }
  return user.isBot ? new Refusal('user_is_bot', { detail: `${user.username} (${user.id}) is a bot` }) : null
}

function bears(user: MattermostUser, { match, value }: Identity): boolean {
  return match === 'email' ? foldAscii(user.email) === foldAscii(value) : user.username === value
}

/** A–Z only: full case folding makes equal what a certificate authority holds apart. */
function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function ambiguous(identity: Identity, userId: string, bearer: MattermostUser): Refusal {
  const { rule, match, value } = identity
  return new Refusal('identity_ambiguous', {
    detail: `the ${match} ${value} (${rule}) stood for the account ${userId} and is now that of ${bearer.id}; \`mattergate identities forget\` maps it anew`,
  })
}
