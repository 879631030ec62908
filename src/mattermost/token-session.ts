import type { Refusal } from '../core/refusals.js'
import type { MattermostClient } from './client.js'
import type { UpstreamSession } from './sign-in.js'
import type { HeldToken } from './token-records.js'

/** Who answers for a session's token: the driver. */
export interface TokenKeeper {
  condemn(session: TokenSession): Promise<'accepted' | UpstreamSession | Refusal>
  prove(session: TokenSession): Promise<UpstreamSession | Refusal>
}

/** A user's personal access token in use. The token is in private fields: no inspection shows it. */
export class TokenSession implements UpstreamSession {
  readonly userId: string
  readonly tokenId: string
  /** Milliseconds since 1970: when Mattermost was last asked and took it; 0: never. */
  provedAt: number
  readonly #token: string
  readonly #authorization: string
  readonly #keeper: TokenKeeper

  constructor(userId: string, held: HeldToken, keeper: TokenKeeper, provedAt: number) {
    this.userId = userId
    this.tokenId = held.tokenId
    this.provedAt = provedAt
    this.#token = held.token
    this.#authorization = `Bearer ${held.token}`
    this.#keeper = keeper
  }

  authorization(): string {
    return this.#authorization
  }

  condemn(): Promise<'accepted' | UpstreamSession | Refusal> {
    return this.#keeper.condemn(this)
  }

  prove(): Promise<UpstreamSession | Refusal> {
    return this.#keeper.prove(this)
  }

  /** Asks Mattermost itself. */
  ask(client: Pick<MattermostClient, 'me'>): Promise<'accepted' | 'refused'> {
    return client.me(this.#token)
  }
}
