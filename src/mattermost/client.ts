import type { Clock } from '../core/clock.js'
import { Fault } from '../core/faults.js'
import { readAdminToken } from './admin-token.js'
import {
  type AdminAccount,
  type ClientConfig,
  type CreatedToken,
  errorId,
  type ListedToken,
  parseAdminAccount,
  parseClientConfig,
  parseCreatedToken,
  parseServerSettings,
  parseTokenList,
  parseUser,
  type ServerSettings,
} from './answers.js'
import { type ApiAnswer, ApiConnection, type ApiRequest } from './api-connection.js'
import { ApiFault } from './api-fault.js'
import type { MattermostUser } from './user.js'

export interface MattermostClientOptions {
  /** An origin; https is verified. */
  readonly url: string
  /** An administrator's token in a file, or the socket of Mattermost's local mode. */
  readonly admin: { readonly tokenFile: string } | { readonly socket: string }
  readonly clock: Clock
  /** Of one request, 5 s where left out. */
  readonly timeoutMs?: number
  /** Of making a token, 15 s where left out: Mattermost sends a mail within it (contract rule 29). */
  readonly tokenTimeoutMs?: number
}

/** Ids under which the supported generations say that there is no such user (contract rules 5, 36). */
const noSuchUser: ReadonlySet<string | null> = new Set([
  'app.user.missing_account.const',
  'app.user.get_by_username.app_error',
  'api.context.invalid_url_param.app_error',
  'api.context.invalid_body_param.app_error',
])

const tokensPerPage = 200
const mostTokenPages = 50
/** However long Mattermost asks to be left alone, it is tried again after this. */
const longestPauseMs = 30_000

type AdminRequest = Pick<ApiRequest, 'method' | 'path' | 'body' | 'operation'> & { timeoutMs?: number }

/**
 * Mattermost's API v4 as an administrator. Every method may throw a Fault: ERR_MATTERMOST_UNREACHABLE
 * (no answer, an overloaded server, its rate limit), ERR_MATTERMOST_CREDENTIAL (401 or 403 to the
 * administrator) or ERR_MATTERMOST_ANSWER (anything else that was not expected, a redirect too).
 */
export class MattermostClient {
  readonly #admin: ApiConnection
  readonly #network: ApiConnection
  readonly #credential: MattermostClientOptions['admin']
  #authorization: string | null
  readonly #timeoutMs: number
  readonly #tokenTimeoutMs: number
  readonly #clock: Clock
  #pausedUntil = 0

  /** @throws Fault ERR_MATTERMOST_CREDENTIAL where the token's file does not hold one */
  constructor(options: MattermostClientOptions) {
    const { url, admin } = options
    this.#credential = admin
    this.#authorization = authorizationOf(admin)
    this.#network = new ApiConnection(url)
    this.#admin = 'socket' in admin ? new ApiConnection('http://localhost', admin.socket) : this.#network
    this.#timeoutMs = options.timeoutMs ?? 5_000
    this.#tokenTimeoutMs = options.tokenTimeoutMs ?? 15_000
    this.#clock = options.clock
  }

  /**
   * Reads the administrator's token anew.
   *
   * @returns what takes it into use: whoever reloads has more to read before anything is
   * @throws Fault ERR_MATTERMOST_CREDENTIAL where the token's file does not hold one
   */
  rereadCredential(): () => void {
    const authorization = authorizationOf(this.#credential)
    return () => {
      this.#authorization = authorization
    }
  }

  /** @param email folded and of the narrow alphabet of identity/ */
  userByEmail(email: string): Promise<MattermostUser | null> {
    return this.#user(`/api/v4/users/email/${encodeURIComponent(email)}`, 'looking up a user by e-mail')
  }

  /** @param username in lower case: any other is refused by Mattermost (contract rule 36) */
  userByUsername(username: string): Promise<MattermostUser | null> {
    return this.#user(
      `/api/v4/users/username/${encodeURIComponent(username)}`,
      'looking up a user by username',
    )
  }

  userById(userId: string): Promise<MattermostUser | null> {
    return this.#user(`/api/v4/users/${encodeURIComponent(userId)}`, 'reading a user')
  }

  /** @throws ApiFault 501 `app.user_access_token.disabled` where the server has them switched off */
  async createToken(userId: string, description: string): Promise<CreatedToken> {
    const operation = 'creating a personal access token'
    const json = await this.#ask({
      method: 'POST',
      path: `/api/v4/users/${encodeURIComponent(userId)}/tokens`,
      // 0: it does not expire. Up to 11.6 the field is ignored (contract rule 29).
      body: { description, expires_at: 0 },
      timeoutMs: this.#tokenTimeoutMs,
      operation,
    })
    return parseCreatedToken(operation, userId, json)
  }

  async listTokens(userId: string): Promise<ListedToken[]> {
    const operation = 'listing personal access tokens'
    const tokens: ListedToken[] = []
    for (let page = 0; page < mostTokenPages; page++) {
      const path = `/api/v4/users/${encodeURIComponent(userId)}/tokens?page=${page}&per_page=${tokensPerPage}`
      const listed = parseTokenList(operation, await this.#ask({ method: 'GET', path, operation }))
      tokens.push(...listed)
      if (listed.length < tokensPerPage) return tokens
    }
    throw new Fault('ERR_MATTERMOST_ANSWER', `${operation}: the list does not end`)
  }

  /** @returns false: there was no such token any more */
  async revokeToken(tokenId: string): Promise<boolean> {
    const operation = 'revoking a personal access token'
    const path = '/api/v4/users/tokens/revoke'
    const answer = await this.#exchange({ method: 'POST', path, body: { token_id: tokenId }, operation })
    if (answer.status === 200) return true
    if (errorId(answer.json) === 'app.user_access_token.get_by_user.app_error') return false
    throw faultOf(operation, answer)
  }

  /** Asks with a user's own token, over the network: the socket of the local mode takes any for granted. */
  async me(token: string): Promise<'accepted' | 'refused'> {
    const operation = 'proving a personal access token'
    const answer = await this.#paced(this.#network, {
      method: 'GET',
      path: '/api/v4/users/me',
      authorization: `Bearer ${token}`,
      timeoutMs: this.#timeoutMs,
      operation,
    })
    if (answer.status === 200) return 'accepted'
    if (answer.status === 401 && errorId(answer.json) === 'api.context.session_expired.app_error') {
      return 'refused'
    }
    // Not the administrator's credential is at fault here.
    if (answer.status === 401 || answer.status === 403) {
      throw new Fault(
        'ERR_MATTERMOST_ANSWER',
        `${operation}: answered ${answer.status}, not as Mattermost does`,
      )
    }
    throw faultOf(operation, answer)
  }

  /** SiteURL and more; 5.x shows SiteURL to signed-in callers only. */
  async clientConfig(): Promise<ClientConfig> {
    const operation = "reading Mattermost's configuration"
    const answer = await this.#paced(this.#network, {
      method: 'GET',
      path: '/api/v4/config/client?format=old',
      authorization: this.#authorization,
      timeoutMs: this.#timeoutMs,
      operation,
    })
    if (answer.status !== 200) throw faultOf(operation, answer)
    return parseClientConfig(operation, answer.json)
  }

  /** Who the administrator is; not to be asked over the local mode's socket, where there is nobody. */
  async adminAccount(): Promise<AdminAccount> {
    const operation = "reading the administrator's own account"
    return parseAdminAccount(
      operation,
      await this.#ask({ method: 'GET', path: '/api/v4/users/me', operation }),
    )
  }

  /** That the server is there and takes the administrator's credential: one cheap request. */
  async proveAdmin(): Promise<void> {
    if (this.#authorization === null) await this.#proveSocket()
    else await this.adminAccount()
  }

  async serverSettings(): Promise<ServerSettings> {
    const operation = "reading the server's settings"
    return parseServerSettings(
      operation,
      await this.#ask({ method: 'GET', path: '/api/v4/config', operation }),
    )
  }

  /** @returns what the server takes for the time, in milliseconds since 1970; null: it does not say */
  async ping(): Promise<number | null> {
    const operation = 'asking whether Mattermost is there'
    const answer = await this.#network.exchange({
      method: 'GET',
      path: '/api/v4/system/ping',
      authorization: null,
      timeoutMs: this.#timeoutMs,
      operation,
    })
    if (answer.status !== 200) throw faultOf(operation, answer)
    const time = Date.parse(answer.date ?? '')
    return Number.isNaN(time) ? null : time
  }

  async close(): Promise<void> {
    await Promise.all([
      this.#network.close(),
      ...(this.#admin === this.#network ? [] : [this.#admin.close()]),
    ])
  }

  async #proveSocket(): Promise<void> {
    const operation = "asking Mattermost's local mode"
    await this.#ask({ method: 'GET', path: '/api/v4/system/ping', operation })
  }

  async #user(path: string, operation: string): Promise<MattermostUser | null> {
    const answer = await this.#exchange({ method: 'GET', path, operation })
    if (answer.status === 200) return parseUser(operation, answer.json)
    const missing = answer.status === 404 || answer.status === 400
    if (missing && noSuchUser.has(errorId(answer.json))) return null
    throw faultOf(operation, answer)
  }

  async #ask(request: AdminRequest): Promise<unknown> {
    const answer = await this.#exchange(request)
    if (answer.status < 200 || answer.status > 299) throw faultOf(request.operation, answer)
    return answer.json
  }

  #exchange(request: AdminRequest): Promise<ApiAnswer> {
    const authorization = this.#authorization
    return this.#paced(this.#admin, { timeoutMs: this.#timeoutMs, ...request, authorization })
  }

  /** Leaves a server alone that said so (429 with Retry-After): asking on would keep its bucket full. */
  async #paced(connection: ApiConnection, request: ApiRequest): Promise<ApiAnswer> {
    const left = this.#pausedUntil - this.#clock.now()
    if (left > 0) throw new ApiFault(request.operation, 429, null, String(Math.ceil(left / 1_000)))
    const answer = await connection.exchange(request)
    if (answer.status === 429) {
      const seconds = Number(answer.retryAfter ?? Number.NaN)
      const pauseMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 1_000
      this.#pausedUntil = this.#clock.now() + Math.min(pauseMs, longestPauseMs)
    }
    return answer
  }
}

function authorizationOf(admin: MattermostClientOptions['admin']): string | null {
  return 'tokenFile' in admin ? `Bearer ${readAdminToken(admin.tokenFile)}` : null
}

function faultOf(operation: string, answer: ApiAnswer): ApiFault {
  return new ApiFault(operation, answer.status, errorId(answer.json), answer.retryAfter)
}
