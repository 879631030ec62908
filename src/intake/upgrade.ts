import { Refusal } from '../core/refusals.js'
import type { RouteRule } from './facts.js'
import { type CollectedHeaders, firstValue } from './header-walk.js'

/** llhttp's reading of a Connection token: blanks before it are skipped, a tab behind it belongs to it. */
const upgradeToken = /(?:^|,)[ \t]*upgrade *(?:,|$)/i

/**
 * What Node's parser hands to `upgrade`, as measured on Node 20.20: an Upgrade header that is not empty,
 * named in Connection or in Proxy-Connection, which it takes for the same. Null: an ordinary request.
 */
export function readUpgrade(headers: CollectedHeaders): { readonly protocol: string } | null {
  if (firstValue(headers.upgrade) === null) return null
  const named = headers.connection?.some((line) => upgradeToken.test(line))
  return named === true ? { protocol: headers.upgrade?.join(', ') ?? '' } : null
}

/**
 * One protocol, on a GET, and where no certificate's user stands behind it only where the route says so.
 *
 * @param anonymous the route looks at no certificate, or does without one and none came
 */
export function upgradeRefusal(
  method: string,
  upgrade: { readonly protocol: string },
  route: RouteRule,
  anonymous: boolean,
): Refusal | null {
  if (upgrade.protocol.toLowerCase() !== 'websocket') {
    return new Refusal('upgrade_refused', { detail: 'another protocol than websocket' })
  }
  if (method !== 'GET') return new Refusal('upgrade_refused', { detail: 'a websocket begins with GET' })
  if (anonymous && !route.websocket) {
    return new Refusal('upgrade_refused', { detail: 'the route does not say websocket: true' })
  }
  return null
}
