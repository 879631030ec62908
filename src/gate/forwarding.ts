import type { ReadRequest } from '../intake/facts.js'
import { classifyPath } from '../mattermost/paths.js'
import type { UpstreamSession } from '../mattermost/sign-in.js'
import type { MattermostUser } from '../mattermost/user.js'
import type { GatewaySession } from '../sessions/session-book.js'
import { browserCookies, type CookieStyle } from './browser-cookies.js'
import type { Forwarding } from './decision.js'

/** Verify and forward: Mattermost's own login page does the rest. */
export const untouched: Forwarding = Object.freeze({
  session: null,
  removeAuthorization: false,
  removeCredentials: false,
  removeAnswerCredentials: false,
  makePrivate: false,
  addCookies: [],
})

/** A request that brings no user, while the gateway owns every credential at Mattermost. */
export function anonymousForwarding(request: ReadRequest): Forwarding {
  const pass = request.route.authorization === 'pass'
  return { ...untouched, removeCredentials: !pass, removeAnswerCredentials: true }
}

/** Whether this request is to carry the user's credential. */
export function injects(request: ReadRequest): boolean {
  if (classifyPath(request.path.decoded) === 'static') return false
  return request.route.authorization !== 'pass' || !bringsCredential(request)
}

export interface SignedIn {
  readonly user: MattermostUser
  readonly session: GatewaySession
  /** Null where nothing is injected. */
  readonly upstream: UpstreamSession | null
}

/** A request of a certificate's user, while the gateway owns every credential at Mattermost. */
export function signedInForwarding(request: ReadRequest, signedIn: SignedIn, style: CookieStyle): Forwarding {
  const pass = request.route.authorization === 'pass'
  return {
    session: signedIn.upstream,
    removeAuthorization: !pass,
    removeCredentials: !pass,
    removeAnswerCredentials: true,
    makePrivate: classifyPath(request.path.decoded) !== 'static',
    addCookies:
      request.navigation && request.method === 'GET' && signedIn.upstream !== null
        ? browserCookies(request.headers.cookie, signedIn.user.id, signedIn.session.id, style)
        : untouched.addCookies,
  }
}

/** On a route with `authorization: pass` the client's own credential, in any place, is left alone. */
function bringsCredential(request: ReadRequest): boolean {
  return (
    request.headers.authorization !== null ||
    request.headers.cookie.some((line) => line.includes('MMAUTHTOKEN')) ||
    new URLSearchParams(request.path.query ?? '').has('access_token')
  )
}
