import { Fault } from '../core/faults.js'
import type { MattermostUser } from './user.js'

/** A personal access token as lists show it: without its secret (contract rule 30). */
export interface ListedToken {
  readonly id: string
  readonly description: string
}

export interface CreatedToken {
  readonly id: string
  readonly token: string
}

export interface ClientConfig {
  /** Empty where it is not set, or not shown to this caller. */
  readonly siteUrl: string
  readonly version: string
  /** Null: not shown to this caller. */
  readonly userAccessTokens: boolean | null
}

/** The account behind the administrator's token. */
export interface AdminAccount {
  readonly username: string
  readonly isBot: boolean
  /** `system_admin` among its roles. */
  readonly isSystemAdmin: boolean
}

/** Of the server's whole configuration, which administrators alone may read; null: not in the answer. */
export interface ServerSettings {
  readonly siteUrl: string | null
  readonly userAccessTokens: boolean | null
  readonly rateLimit: boolean | null
  readonly trustedProxyIpHeader: readonly string[] | null
}

/** Ids become parts of paths and of cookies. */
const idPattern = /^[a-z0-9]{26}$/
/** A token becomes a header value. */
const tokenPattern = /^[A-Za-z0-9_-]{16,128}$/

/** Mattermost's error id; null where the answer is not in its error shape. */
export function errorId(json: unknown): string | null {
  const id = isObject(json) ? json['id'] : undefined
  return typeof id === 'string' && /^[\w.-]{1,128}$/.test(id) ? id : null
}

export function parseUser(operation: string, json: unknown): MattermostUser {
  if (!isObject(json)) throw unreadable(operation)
  const { id, username, email, delete_at: deleteAt, is_bot: isBot = false } = json
  if (!isId(id) || typeof username !== 'string' || typeof email !== 'string') throw unreadable(operation)
  // A user without these two would pass for active, and for no bot.
  if (typeof deleteAt !== 'number' || typeof isBot !== 'boolean') throw unreadable(operation)
  return Object.freeze({ id, username, email, deleteAt, isBot })
}

export function parseCreatedToken(operation: string, userId: string, json: unknown): CreatedToken {
  if (!isObject(json)) throw unreadable(operation)
  const { id, token, user_id: owner } = json
  if (!isId(id) || owner !== userId) throw unreadable(operation)
  if (typeof token !== 'string' || !tokenPattern.test(token)) throw unreadable(operation)
  return { id, token }
}

export function parseTokenList(operation: string, json: unknown): ListedToken[] {
  if (!Array.isArray(json)) throw unreadable(operation)
  return json.map((item: unknown) => {
    if (!isObject(item)) throw unreadable(operation)
    const { id, description } = item
    if (!isId(id) || typeof description !== 'string') throw unreadable(operation)
    return { id, description }
  })
}

export function parseClientConfig(operation: string, json: unknown): ClientConfig {
  if (!isObject(json)) throw unreadable(operation)
  const { SiteURL: siteUrl = '', Version: version, EnableUserAccessTokens: tokens } = json
  if (typeof siteUrl !== 'string' || typeof version !== 'string') throw unreadable(operation)
  return { siteUrl, version, userAccessTokens: typeof tokens === 'string' ? tokens === 'true' : null }
}

export function parseAdminAccount(operation: string, json: unknown): AdminAccount {
  if (!isObject(json)) throw unreadable(operation)
  const { username, roles, is_bot: isBot = false } = json
  if (typeof username !== 'string' || typeof roles !== 'string') throw unreadable(operation)
  return { username, isBot: isBot === true, isSystemAdmin: roles.split(' ').includes('system_admin') }
}

export function parseServerSettings(operation: string, json: unknown): ServerSettings {
  if (!isObject(json) || !isObject(json['ServiceSettings'])) throw unreadable(operation)
  const {
    SiteURL: siteUrl,
    EnableUserAccessTokens: tokens,
    TrustedProxyIPHeader: headers,
  } = json['ServiceSettings']
  const limits = json['RateLimitSettings']
  const rateLimit = isObject(limits) ? limits['Enable'] : undefined
  return {
    siteUrl: typeof siteUrl === 'string' ? siteUrl : null,
    userAccessTokens: typeof tokens === 'boolean' ? tokens : null,
    rateLimit: typeof rateLimit === 'boolean' ? rateLimit : null,
    trustedProxyIpHeader: Array.isArray(headers) ? headers.filter((name) => typeof name === 'string') : null,
  }
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && idPattern.test(value)
}

function unreadable(operation: string): Fault {
  return new Fault('ERR_MATTERMOST_ANSWER', `${operation}: the answer is not one of Mattermost's`)
}
