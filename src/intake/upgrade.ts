import { Refusal } from '../core/refusals.js'
import type { RouteRule } from './facts.js'
import type { CollectedHeaders } from './header-walk.js'

/** What Node hands to `upgrade`: an Upgrade header that Connection names. Null: an ordinary request. */
export function readUpgrade(headers: CollectedHeaders): { readonly protocol: string } | null {
  if (headers.upgrade === undefined) return null
  const named = headers.connection?.some((line) =>
    line.split(',').some((token) => token.trim().toLowerCase() === 'upgrade'),
  )
  return named === true ? { protocol: headers.upgrade.join(', ') } : null
}

/** One protocol, on a GET, and on a route without a certificate only where it is allowed by name. */
export function upgradeRefusal(
  method: string,
  upgrade: { readonly protocol: string },
  route: RouteRule,
): Refusal | null {
  if (upgrade.protocol.trim().toLowerCase() !== 'websocket') {
    return new Refusal('upgrade_refused', { detail: 'another protocol than websocket' })
  }
  if (method !== 'GET') return new Refusal('upgrade_refused', { detail: 'a websocket begins with GET' })
  if (route.certificate === 'none' && !route.websocket) {
    return new Refusal('upgrade_refused', { detail: 'the route does not say websocket: true' })
  }
  return null
}
