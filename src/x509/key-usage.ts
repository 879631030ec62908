import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { keyPurposes } from './object-identifiers.js'
import type { Requirements } from './requirements.js'

/** RFC 5280 §6.1.4(n): an issuer with a key usage may sign certificates by it. */
export function checkIssuerKeyUsage({ keyUsage, facts }: ParsedCertificate): Refusal | null {
  if (keyUsage === null || keyUsage.has('keyCertSign')) return null
  return new Refusal('constraint_violated', { detail: `${facts.subject} may not sign certificates` })
}

/**
 * The proof of the key in TLS is a digital signature (§4.2.1.3; §4.2.1.12 on id-kp-clientAuth). Not judged
 * with `never`: what the certificate is for does not count then.
 */
export function checkLeafKeyUsage(
  { keyUsage }: ParsedCertificate,
  clientAuth: Requirements['clientAuth'],
): Refusal | null {
  if (clientAuth === 'never' || keyUsage === null || keyUsage.has('digitalSignature')) return null
  return new Refusal('usage_unsuitable', { detail: 'the key usage lacks digitalSignature' })
}

/** §4.2.1.12, as `require.clientAuth` says. */
export function checkExtendedKeyUsage(
  { extendedKeyUsage }: ParsedCertificate,
  clientAuth: Requirements['clientAuth'],
): Refusal | null {
  if (clientAuth === 'never') return null
  if (extendedKeyUsage === null) {
    if (clientAuth === 'if-stated') return null
    return new Refusal('usage_unsuitable', {
      detail: 'there is no extended key usage, and clientAuth is required',
    })
  }
  const { clientAuth: purpose, anyExtendedKeyUsage } = keyPurposes
  if (extendedKeyUsage.includes(purpose) || extendedKeyUsage.includes(anyExtendedKeyUsage)) return null
  return new Refusal('usage_unsuitable', { detail: 'the extended key usage lacks clientAuth' })
}
