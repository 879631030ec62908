import type { Refusal } from '../core/refusals.js'
import type { MattermostUser } from './user.js'

/** A credential of one user at Mattermost. Its secret is reachable by `authorization()` alone. */
export interface UpstreamSession {
  readonly userId: string
  /** The value of the Authorization header, `Bearer …`. */
  authorization(): string
  /**
   * Mattermost answered 401 `api.context.session_expired.app_error` below /api/v4 to this credential.
   * Asks Mattermost itself whether it is dead; if so the account is read past the cache and one new
   * credential is made per user and minute.
   *
   * @returns `accepted`: it is alive, the 401 was about something else and passes; a session: repeat
   *   with it; a refusal: the account is gone or deactivated, or no new credential can be had.
   */
  condemn(): Promise<'accepted' | UpstreamSession | Refusal>
  /**
   * Proves within `directoryCache` that Mattermost takes it: a dead token does not show as a 401 on a
   * websocket or a plugin route.
   */
  prove(): Promise<UpstreamSession | Refusal>
}

/** How a verified user gets a session: `access-token` now; `oauth` and `password` have their place here. */
export interface SignInDriver {
  readonly name: string
  /** Null: this driver injects nothing (`none`). Synchronous where the credential is at hand. */
  signIn(user: MattermostUser): UpstreamSession | null | Refusal | Promise<UpstreamSession | null | Refusal>
  /** Ends what this user holds at Mattermost through us. What fails is told to the driver's observer. */
  revokeFor(userId: string): Promise<void>
  close(): Promise<void>
}
