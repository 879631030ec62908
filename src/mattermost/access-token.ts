import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.js'
import { Fault } from '../core/faults.js'
import { Refusal } from '../core/refusals.js'
import type { Store } from '../store/store.js'
import { ApiFault } from './api-fault.js'
import type { MattermostClient } from './client.js'
import type { SignInDriver, UpstreamSession } from './sign-in.js'
import { SingleFlight } from './single-flight.js'
import { type TokenEvent, TokenIssuer } from './token-issuer.js'
import { type HeldToken, TokenRecords } from './token-records.js'
import { type TokenKeeper, TokenSession } from './token-session.js'
import type { MattermostUser } from './user.js'
import { UserLeases } from './user-leases.js'

export type { TokenEvent } from './token-issuer.js'

export interface AccessTokenDriverOptions {
  readonly client: Pick<MattermostClient, 'createToken' | 'listTokens' | 'revokeToken' | 'me'>
  readonly store: Store
  /** Stands in the description of every token: `mattergate INSTANCE INTENT-ID`. */
  readonly instance: string
  /** For how long a proof that Mattermost takes a token counts. */
  readonly directoryCacheMs: number
  readonly clock: Clock
  /** Reads an account past the directory's cache. */
  readonly reread: (userId: string) => Promise<MattermostUser | Refusal>
  readonly onEvent: (event: TokenEvent) => void
  /** Told of what fails with nobody waiting for it. */
  readonly onFault: (error: unknown) => void
}

const mostSessions = 50_000
/** Another process may make this user's token: longer than that takes, and than a dead one's lease. */
const leaseWaitMs = 25_000
const settleMs = 3_600_000
/** Where something was left: sooner, yet later than a request without an answer may still act. */
const resettleMs = 65_000

/**
 * One personal access token per user, made at the first sign-in and kept in the store. Tokens without a
 * record are settled when `start` is called and each hour from then on.
 */
export class AccessTokenDriver implements SignInDriver, TokenKeeper {
  readonly name = 'access-token'
  readonly #options: AccessTokenDriverOptions
  readonly #records: TokenRecords
  readonly #issuer: TokenIssuer
  readonly #leases: UserLeases
  readonly #sessions = new LRUCache<string, TokenSession>({ max: mostSessions })
  readonly #opening = new SingleFlight<TokenSession | Refusal>()
  readonly #asking = new SingleFlight<'accepted' | TokenSession | Refusal>()
  readonly #settling = new SingleFlight<boolean>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: AccessTokenDriverOptions) {
    this.#options = Object.freeze({ ...options })
    const { client, instance, clock, onEvent } = options
    this.#records = new TokenRecords(options.store)
    this.#issuer = new TokenIssuer({ client, records: this.#records, instance, clock, onEvent })
    this.#leases = new UserLeases(options.store)
  }

  /** Begins to settle what earlier runs left behind; `close` ends it. */
  start(): void {
    void this.#settleAndRepeat()
  }

  signIn(user: MattermostUser): TokenSession | Promise<TokenSession | Refusal> {
    return (
      this.#sessions.get(user.id) ?? this.#opening.run(user.id, () => refusing(() => this.#open(user.id)))
    )
  }

  condemn(session: TokenSession): Promise<'accepted' | UpstreamSession | Refusal> {
    const current = this.#sessions.get(session.userId)
    if (current !== undefined && current !== session) return Promise.resolve(current)
    return this.#asking.run(session.tokenId, () => refusing(() => this.#ask(session)))
  }

  async prove(session: TokenSession): Promise<UpstreamSession | Refusal> {
    const { clock, directoryCacheMs } = this.#options
    const current = this.#sessions.get(session.userId) ?? session
    if (clock.now() - current.provedAt < directoryCacheMs) return current
    const outcome = await this.condemn(current)
    return outcome === 'accepted' ? current : outcome
  }

  /** Ends a user's token, for accounts that are deactivated or gone. What fails is settled later. */
  async revokeFor(userId: string): Promise<void> {
    this.#sessions.delete(userId)
    // A first sign-in under way has no record yet, and is about to make a token.
    await this.#opening.over(userId)
    try {
      const { bytes } = await this.#records.read(userId)
      if (bytes !== null) await this.#leases.run(userId, leaseWaitMs, () => this.#issuer.revoke(userId))
    } catch (error) {
      this.#options.onFault(error)
    }
    // A sign-in that was under way has put its session there meanwhile.
    this.#sessions.delete(userId)
  }

  /**
   * Revokes tokens of this store's intents that came to no end, where no other process is at it.
   *
   * @returns whether nothing is left to settle
   */
  settle(): Promise<boolean> {
    return this.#settling.run('all', () => this.#settleAll())
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#leases.close()
    await Promise.all([this.#opening.settled(), this.#asking.settled(), this.#settling.settled()])
  }

  async #open(userId: string): Promise<TokenSession | Refusal> {
    const { held } = (await this.#records.read(userId)).record
    return held === null ? this.#issue(userId, null) : this.#keep(userId, held, 0)
  }

  async #issue(userId: string, condemned: string | null): Promise<TokenSession | Refusal> {
    const now = this.#options.clock.now()
    const issued = await this.#leases.run(userId, leaseWaitMs, () => this.#issuer.issue(userId, condemned))
    if (issued === null) {
      return new Refusal('sign_in_unavailable', { detail: 'another process is making or ending the token' })
    }
    return issued instanceof Refusal ? issued : this.#keep(userId, issued, now)
  }

  #keep(userId: string, held: HeldToken, provedAt: number): TokenSession {
    const known = this.#sessions.get(userId)
    if (known?.tokenId === held.tokenId) return known
    const session = new TokenSession(userId, held, this, provedAt)
    this.#sessions.set(userId, session)
    return session
  }

  async #ask(session: TokenSession): Promise<'accepted' | TokenSession | Refusal> {
    const { client, clock, reread } = this.#options
    const askedAt = clock.now()
    if ((await session.ask(client)) === 'accepted') {
      session.provedAt = askedAt
      return 'accepted'
    }
    const user = await reread(session.userId)
    if (user instanceof Refusal) {
      const ended = user.code === 'user_deactivated' || user.code === 'user_unknown'
      if (ended) await this.revokeFor(session.userId)
      return user
    }
    return this.#replace(session)
  }

  async #replace(session: TokenSession): Promise<TokenSession | Refusal> {
    const { userId, tokenId } = session
    const replacement = await this.#issue(userId, tokenId)
    // The condemned one is dead already: nobody waits for its entry at Mattermost to go.
    if (!(replacement instanceof Refusal)) void this.#settleUser(userId)
    return replacement
  }

  async #settleAll(): Promise<boolean> {
    const users = await this.#records.unsettledUsers()
    let left = 0
    for (const userId of users) {
      if (this.#closed || !(await this.#settleUser(userId))) left += 1
    }
    return left === 0
  }

  async #settleUser(userId: string): Promise<boolean> {
    try {
      return (await this.#leases.run(userId, 0, () => this.#issuer.settle(userId))) ?? false
    } catch (error) {
      this.#options.onFault(error)
      return false
    }
  }

  async #settleAndRepeat(): Promise<void> {
    const done = await this.settle().catch((error: unknown) => {
      this.#options.onFault(error)
      return false
    })
    if (this.#closed) return
    const repeat = () => void this.#settleAndRepeat()
    this.#timer = setTimeout(repeat, done ? settleMs : resettleMs).unref()
  }
}

/** Mattermost failing is why nobody can be signed in; a failing store is a Fault of its own. */
async function refusing<Result>(action: () => Promise<Result>): Promise<Result | Refusal> {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof Fault) || !error.code.startsWith('ERR_MATTERMOST_')) throw error
    return new Refusal('sign_in_unavailable', { detail: `${error.code}: ${error.message}${hint(error)}` })
  }
}

function hint(fault: Fault): string {
  if (!(fault instanceof ApiFault)) return ''
  if (fault.id === 'app.user_access_token.disabled') {
    return ': switch them on at System Console > Integrations > Enable Personal Access Tokens'
  }
  return fault.id?.startsWith('app.user_access_token.expires_at') === true
    ? ': ServiceSettings.MaximumPersonalAccessTokenLifetimeDays must be 0'
    : ''
}
