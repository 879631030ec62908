import { Refusal } from '../core/refusals.js'

/** The client sent more than `limits.bodyBytes` in a body of unknown length. */
export class BodyTooLarge extends Error {}

const timeoutCodes = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
/** undici found the request itself not fit to be sent: intake should have, so it is a bug. */
const ourCodes = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])

/** What the client is told when no answer came from upstream. */
export function upstreamRefusal(error: Error): Refusal {
  if (error instanceof BodyTooLarge) return new Refusal('body_too_large')
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  if (timeoutCodes.has(code)) return new Refusal('upstream_timeout', { detail: code })
  return new Refusal(ourCodes.has(code) ? 'internal' : 'upstream_unreachable', { detail: code })
}
