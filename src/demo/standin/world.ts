import type { Clock } from '../../core/clock.js'
import { type AccessToken, AccessTokens } from './access-tokens.js'
import { type Account, Accounts } from './accounts.js'
import type { ClientSocket } from './client-socket.js'
import { type Session, Sessions } from './sessions.js'
import type { Settings } from './settings.js'
import { Teams } from './teams.js'
import type { Traits } from './traits.js'
import { UploadedFiles } from './uploaded-files.js'

export interface Timing {
  /** How long a websocket may stay unauthenticated. */
  readonly challengeTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  /** When an idle connection is closed (rule 11). */
  readonly keepAliveMs: number
}

/** Everything that one stand-in knows: its users, their credentials, and who is connected. */
export class World {
  readonly clock: Clock
  readonly traits: Traits
  readonly settings: Settings
  readonly timing: Timing
  readonly accounts: Accounts
  readonly sessions: Sessions
  readonly accessTokens = new AccessTokens()
  readonly teams: Teams
  readonly files: UploadedFiles
  readonly sockets = new Set<ClientSocket>()

  constructor(options: { clock: Clock; traits: Traits; settings: Settings; timing: Timing }) {
    this.clock = options.clock
    this.traits = options.traits
    this.settings = options.settings
    this.timing = options.timing
    this.accounts = new Accounts(options.clock)
    this.sessions = new Sessions(options.clock)
    this.teams = new Teams(options.clock)
    this.files = new UploadedFiles(options.clock)
  }

  /** The live session of a token; a personal access token makes one on its first use (rule 31). */
  sessionOf(token: string): Session | null {
    const open = this.sessions.byToken(token)
    if (open !== undefined) return open
    const accessToken = this.accessTokens.byToken(token)
    if (accessToken?.isActive !== true) return null
    const account = this.accounts.byId(accessToken.userId)
    if (account === undefined || account.deleteAt !== 0) return null
    if (!this.settings.enableUserAccessTokens && !account.isBot) return null
    return this.sessions.openFor(accessToken)
  }

  /** Ends the session behind an access token; the next use makes a new one, if the token still holds. */
  dropSessionOf(token: string): void {
    const session = this.sessions.byToken(token)
    if (session !== undefined) this.sessions.end(session)
  }

  revoke(token: AccessToken): void {
    this.accessTokens.remove(token.id)
    this.dropSessionOf(token.token)
  }

  removeUser(account: Account): void {
    for (const token of this.accessTokens.ofUser(account.id)) this.revoke(token)
    this.sessions.endAllOf(account.id)
    this.teams.forget(account.id)
    this.accounts.remove(account.id)
  }

  /** Rule 43: ordinary sessions end for good, access tokens only while the account is deactivated. */
  setActive(account: Account, active: boolean): void {
    if (active === (account.deleteAt === 0)) return
    this.accounts.touch(account)
    account.deleteAt = active ? 0 : account.updateAt
    if (active) return
    const saved = new Set(this.traits.openSocketSavesToken ? this.#tokensOfOpenSockets(account) : [])
    for (const session of this.sessions.ofUser(account.id)) {
      if (!saved.has(session.token)) this.sessions.end(session)
    }
  }

  #tokensOfOpenSockets(account: Account): string[] {
    return [...this.sockets]
      .map((socket) => socket.session)
      .filter((session) => session?.userId === account.id && session.accessTokenId !== null)
      .map((session) => session?.token ?? '')
  }

  /** `X-Version-Id`, and `server_version` of a websocket's hello. */
  get versionId(): string {
    return `${this.traits.version}.${this.traits.version}.0123456789abcdef0123456789abcdef.false`
  }
}
