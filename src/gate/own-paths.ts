import { Refusal } from '../core/refusals.js'
import type { ReadRequest } from '../intake/facts.js'
import { isClosed } from '../mattermost/paths.js'

/** Everything below it is the gateway's own and is never forwarded. */
const ownPrefix = '/.mattergate/'
export const whoamiPath = '/.mattergate/whoami'
const refusedPath = '/.mattergate/refused'

function isOwnPath(decodedPath: string): boolean {
  return decodedPath.startsWith(ownPrefix)
}

/** What bars a request by its address alone, once its certificate was found good or not needed. */
export function addressRefusal(request: ReadRequest, ownsCredentials: boolean): Refusal | null {
  const path = request.path.decoded
  if (isOwnPath(path)) return ownPathRefusal(request)
  if (ownsCredentials && isClosed(request.method, path)) {
    return new Refusal('not_allowed', {
      detail: 'sign-in and account paths of Mattermost are closed while certificates are the way in',
      remedy: 'You are signed in by your certificate; this page of Mattermost is not needed.',
    })
  }
  return null
}

function ownPathRefusal(request: ReadRequest): Refusal | null {
  if (request.path.decoded === refusedPath) return proxyRefusal(request.headers.proxyRefusal ?? '')
  if (request.path.decoded !== whoamiPath) return new Refusal('not_found')
  if (request.method !== 'GET' && request.method !== 'HEAD') return new Refusal('method_refused')
  return request.certificate === null ? new Refusal('certificate_missing') : null
}

/**
 * What nginx itself refused: `496 NONE`, or `495 FAILED:` and OpenSSL's words (X509_verify_cert_error_string).
 */
function proxyRefusal(reason: string): Refusal {
  const notes = { detail: `the proxy refused the certificate: ${reason}` }
  if (reason.startsWith('496') || reason.endsWith('NONE')) return new Refusal('certificate_missing', notes)
  if (reason.includes('certificate has expired')) return new Refusal('certificate_expired', notes)
  if (reason.includes('certificate is not yet valid')) return new Refusal('certificate_not_yet_valid', notes)
  if (reason.includes('certificate revoked')) return new Refusal('certificate_revoked', notes)
  if (reason.includes('key too weak')) return new Refusal('key_too_weak', notes)
  if (/issuer certificate|self[- ]signed certificate|verify the first/.test(reason)) {
    return new Refusal('chain_untrusted', notes)
  }
  return new Refusal('proxy_unverified', notes)
}
