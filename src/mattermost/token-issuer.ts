import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.js'
import { Refusal } from '../core/refusals.js'
import type { ListedToken } from './answers.js'
import { UnansweredFault } from './api-connection.js'
import { ApiFault } from './api-fault.js'
import type { MattermostClient } from './client.js'
import { type HeldToken, isSettled, type StoredTokenRecord, type TokenRecords } from './token-records.js'

/** For the audit. A token's id is no secret. */
export interface TokenEvent {
  readonly type: 'created' | 'replaced' | 'revoked'
  readonly userId: string
  readonly tokenId: string
}

export interface TokenIssuerOptions {
  readonly client: Pick<MattermostClient, 'createToken' | 'listTokens' | 'revokeToken'>
  readonly records: TokenRecords
  /** Tells the tokens of several installations on one Mattermost apart. */
  readonly instance: string
  readonly clock: Clock
  readonly onEvent: (event: TokenEvent) => void
}

/** One new token in place of a condemned one, per user and this long. */
const replacementMs = 60_000
/** A request whose answer was not heard may still make its token for as long. */
const outstandingMs = 60_000

/**
 * Makes, replaces and revokes one user's token. Every method is to be called under that user's lease.
 * The intent is stored before a token is made and the token after, so that a crash in between leaves
 * an intent by which the token is found and revoked. Nothing but tokens of such intents is ever revoked.
 */
export class TokenIssuer {
  readonly #options: TokenIssuerOptions

  constructor(options: TokenIssuerOptions) {
    this.#options = Object.freeze({ ...options })
  }

  /**
   * @param condemned id of the token that Mattermost no longer takes; null: none is known to be held
   * @returns the token that is held now: a new one, or one that another process made meanwhile
   * @throws Fault of the client or the store
   */
  async issue(userId: string, condemned: string | null): Promise<HeldToken | Refusal> {
    const { records, clock } = this.#options
    const before = await records.read(userId)
    const { held, replacedAt } = before.record
    if (held !== null && held.tokenId !== condemned) return held
    if (held !== null && clock.now() - replacedAt < replacementMs) {
      return unavailable('the token was replaced less than a minute ago, and Mattermost refuses the new one')
    }
    const { description } = before.record.intent ?? this.#newIntent()
    const intended = await records.write(before, {
      ...before.record,
      intent: { description, triedAt: clock.now() },
    })
    if (intended === null) return unavailable('another process changed the record of the token')
    const made = await this.#create(intended, before.record.intent === null)
    const stored = await this.#hold(intended, made, before.record.intent === null)
    if (stored === null) return unavailable('another process changed the record of the token')
    this.#tell(held === null ? 'created' : 'replaced', userId, made.tokenId)
    return made
  }

  /** Ends the user's token, now or (Mattermost down) when it is settled. */
  async revoke(userId: string): Promise<void> {
    const { records } = this.#options
    const before = await records.read(userId)
    const { held, revoking } = before.record
    if (held !== null) {
      await records.write(before, { ...before.record, held: null, revoking: [...revoking, held.tokenId] })
    }
    await this.settle(userId)
  }

  /**
   * Revokes what no record holds: tokens made under an intent that did not come to its end, and those
   * replaced.
   *
   * @returns whether nothing is left to do
   */
  async settle(userId: string): Promise<boolean> {
    const { client, records, clock } = this.#options
    const before = await records.read(userId)
    if (isSettled(before.record)) return true
    const { held, intent, revoking } = before.record
    const made = intent === null ? [] : await this.#listTokens(userId)
    const orphans = made.filter(({ id, description }) => {
      return description === intent?.description && id !== held?.tokenId
    })
    for (const id of new Set([...revoking, ...orphans.map(({ id }) => id)])) {
      if (await client.revokeToken(id)) this.#tell('revoked', userId, id)
    }
    const outstanding = intent !== null && clock.now() - intent.triedAt < outstandingMs
    const after = { ...before.record, revoking: [], intent: outstanding ? intent : null }
    return (await records.write(before, after)) !== null && isSettled(after)
  }

  async #create(intended: StoredTokenRecord, firstAttempt: boolean): Promise<HeldToken> {
    const { client, records } = this.#options
    const { record } = intended
    try {
      const { id, token } = await client.createToken(record.userId, record.intent?.description ?? '')
      return { tokenId: id, token }
    } catch (error) {
      // An earlier attempt under this intent may have made a token, so then it stays.
      if (firstAttempt && madeNothing(error)) await records.write(intended, { ...record, intent: null })
      throw error
    }
  }

  /** Null: the record was changed by another process, and the token just made is revoked. */
  async #hold(
    intended: StoredTokenRecord,
    made: HeldToken,
    firstAttempt: boolean,
  ): Promise<StoredTokenRecord | null> {
    const { client, records, clock } = this.#options
    const { record } = intended
    const replaced = record.held === null ? [] : [record.held.tokenId]
    const stored = await records.write(intended, {
      ...record,
      held: made,
      intent: firstAttempt ? null : record.intent,
      revoking: [...record.revoking, ...replaced],
      replacedAt: record.held === null ? record.replacedAt : clock.now(),
    })
    if (stored === null) await client.revokeToken(made.tokenId)
    return stored
  }

  /** A user who is gone has no tokens. */
  async #listTokens(userId: string): Promise<readonly ListedToken[]> {
    try {
      return await this.#options.client.listTokens(userId)
    } catch (error) {
      if (error instanceof ApiFault && error.id === 'app.user.missing_account.const') return []
      throw error
    }
  }

  #newIntent() {
    return { description: `mattergate ${this.#options.instance} ${randomBytes(16).toString('hex')}` }
  }

  #tell(type: TokenEvent['type'], userId: string, tokenId: string): void {
    this.#options.onEvent({ type, userId, tokenId })
  }
}

/** Mattermost refused, or never saw the request. After anything else a token may exist. */
function madeNothing(error: unknown): boolean {
  if (error instanceof UnansweredFault) return !error.sent
  return error instanceof ApiFault && (error.status < 500 || error.status === 501)
}

function unavailable(detail: string): Refusal {
  return new Refusal('sign_in_unavailable', { detail })
}
