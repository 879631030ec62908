import { createHash } from 'node:crypto'
import { Refusal } from '../core/refusals.js'
import { type CertificateForm, malformed } from './certificate-form.js'
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
  const value = presentValue(headers.certificate, form)
  const verdict = firstValue(headers.verify)
  if (value === null) return withoutCertificate(headers, verdict, form)
  if (verifies && verdict !== form.verdicts.verified) {
    return new Refusal('proxy_unverified', { detail: `the proxy's verdict is ${verdict ?? 'missing'}` })
  }
  const chain = chainLines(headers, form)
  return {
    // No header holds a line feed: what differs in either header has another key.
    key: chain.length === 0 ? value : [value, ...chain].join('\n'),
    subject: firstValue(headers.subject),
    decode: () => form.decode(value, chain),
  }
}

function presentValue(values: readonly string[] | undefined, { absent }: CertificateForm): string | null {
  const value = firstValue(values)
  return value === null || absent.includes(value) ? null : value
}

const noLines: readonly string[] = []

function chainLines({ chain }: CollectedHeaders, { absent }: CertificateForm): readonly string[] {
  return chain === undefined ? noLines : chain.filter((line) => line !== '' && !absent.includes(line))
}

function withoutCertificate(
  headers: CollectedHeaders,
  verdict: string | null,
  form: CertificateForm,
): Refusal | null {
  if (chainLines(headers, form).length > 0) return malformed('a chain came without its leaf')
  if (verdict === null || verdict === form.verdicts.absent) return null
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
