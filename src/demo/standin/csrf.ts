import type { IncomingHttpHeaders } from 'node:http'
import type { Session } from './sessions.js'

/**
 * Rules 16 to 20, for a credential that came as a cookie: the header must equal the session's value, or
 * the call says that a script sent it. An access token's value is empty, so an absent header equals it.
 */
export function passesCsrf(session: Session, headers: IncomingHttpHeaders, strict: boolean): boolean {
  const sent = headers['x-csrf-token'] ?? ''
  if (sent === session.csrf) return true
  return !strict && headers['x-requested-with'] === 'XMLHttpRequest'
}
