import { newId } from './ids.js'

/** A personal access token. */
export interface AccessToken {
  readonly id: string
  readonly token: string
  readonly userId: string
  readonly description: string
  isActive: boolean
}

/** All personal access tokens, in the order in which they were made. */
export class AccessTokens {
  readonly #byId = new Map<string, AccessToken>()

  add(userId: string, description: string): AccessToken {
    const made: AccessToken = { id: newId(), token: newId(), userId, description, isActive: true }
    this.#byId.set(made.id, made)
    return made
  }

  all(): AccessToken[] {
    return [...this.#byId.values()]
  }

  ofUser(userId: string): AccessToken[] {
    return this.all().filter((token) => token.userId === userId)
  }

  byId(id: string): AccessToken | undefined {
    return this.#byId.get(id)
  }

  byToken(token: string): AccessToken | undefined {
    return this.all().find((known) => known.token === token)
  }

  remove(id: string): void {
    this.#byId.delete(id)
  }
}
