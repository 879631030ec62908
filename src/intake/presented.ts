import { createHash } from 'node:crypto'
import { Refusal } from '../core/refusals.js'
import type { CertificateForm } from './certificate-form.js'
import type { PresentedCertificate } from './facts.js'
import { type CollectedHeaders, firstValue } from './header-walk.js'

/**
 * The certificate in the proxy's headers; null where the client has none. An empty header is no header:
 * nginx drops it, other proxies send it.
 */
export function presentedByProxy(
  headers: CollectedHeaders,
  form: CertificateForm,
  verifies: boolean,
): PresentedCertificate | Refusal | null {
  const doubled = [headers.certificate, headers.subject, headers.verify].some(
    (values) => (values?.length ?? 0) > 1,
  )
  if (doubled) return new Refusal('certificate_duplicated')
  const value = firstValue(headers.certificate)
  const verdict = firstValue(headers.verify)
  if (value === null) return withoutCertificate(verdict)
  if (verifies && verdict !== 'SUCCESS') {
    return new Refusal('proxy_unverified', { detail: `the proxy's verdict is ${verdict ?? 'missing'}` })
  }
  return { key: value, subject: firstValue(headers.subject), decode: () => form.decode(value) }
}

function withoutCertificate(verdict: string | null): Refusal | null {
  if (verdict === null || verdict === 'NONE') return null
  const detail = `the proxy's verdict is ${verdict}, and no certificate came with it`
  return new Refusal('proxy_unverified', { detail })
}

/** What our own handshake proved: the key belongs to it, and the verdict is still to come. */
export function presentedByTls(der: Uint8Array | undefined): PresentedCertificate | null {
  if (der === undefined) return null
  return { key: fingerprint(der), subject: null, decode: () => ({ leaf: der, chain: [] }) }
}

const fingerprints = new WeakMap<Uint8Array, string>()

/** A connection's certificate is the same object for all its requests: hashed once. */
function fingerprint(der: Uint8Array): string {
  const known = fingerprints.get(der)
  if (known !== undefined) return known
  const made = createHash('sha256').update(der).digest('base64')
  fingerprints.set(der, made)
  return made
}
