import type { Clock } from '../../core/clock.js'
import type { AccessToken } from './access-tokens.js'
import { newId } from './ids.js'

const dayMs = 86_400_000

/** A session of a user: an ordinary one, or the one that the first use of an access token makes. */
export interface Session {
  readonly id: string
  readonly token: string
  readonly userId: string
  /** Empty for a personal access token: it has no CSRF value at all. */
  readonly csrf: string
  readonly createAt: number
  expiresAt: number
  readonly accessTokenId: string | null
}

/** All live sessions. */
export class Sessions {
  readonly #clock: Clock
  readonly #byToken = new Map<string, Session>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An ordinary session of 180 days. */
  open(userId: string): Session {
    return this.#add({ userId, token: newId(), csrf: newId(), days: 180, accessTokenId: null })
  }

  /** The session behind a personal access token, of 36,500 days. */
  openFor(token: AccessToken): Session {
    const { userId, id } = token
    return this.#add({ userId, token: token.token, csrf: '', days: 36_500, accessTokenId: id })
  }

  #add(from: { userId: string; token: string; csrf: string; days: number; accessTokenId: string | null }) {
    const createAt = this.#clock.now()
    const { days, ...rest } = from
    const session: Session = { id: newId(), createAt, expiresAt: createAt + days * dayMs, ...rest }
    this.#byToken.set(session.token, session)
    return session
  }

  byToken(token: string): Session | undefined {
    const session = this.#byToken.get(token)
    if (session !== undefined && session.expiresAt <= this.#clock.now()) {
      this.end(session)
      return undefined
    }
    return session
  }

  byId(id: string): Session | undefined {
    return [...this.#byToken.values()].find((session) => session.id === id)
  }

  /** The newest first. */
  ofUser(userId: string): Session[] {
    const all = [...this.#byToken.values()].reverse()
    return all.filter((session) => session.userId === userId)
  }

  end(session: Session): void {
    this.#byToken.delete(session.token)
  }

  endAllOf(userId: string): void {
    for (const session of this.ofUser(userId)) this.end(session)
  }

  endAll(): void {
    this.#byToken.clear()
  }
}
