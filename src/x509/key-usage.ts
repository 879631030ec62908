import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { keyPurposes } from './object-identifiers.js'
import type { Requirements } from './requirements.js'

/**
 * RFC 5280 §6.1.4(n): an issuer with a key usage may sign certificates by it. Its extended key usage, of
 * which the RFC leaves the meaning open, restricts what it issues, as OpenSSL, NSS and Windows have it.
 */
export function checkIssuerUsage(
  { keyUsage, extendedKeyUsage, facts }: ParsedCertificate,
  require: Requirements,
): Refusal | null {
  if (keyUsage?.has('keyCertSign') === false) {
    return new Refusal('constraint_violated', { detail: `${facts.subject} may not sign certificates` })
  }
  if (require.clientAuth === 'never' || extendedKeyUsage === null) return null
  if (namesPurpose(extendedKeyUsage, require)) return null
  return new Refusal('constraint_violated', { detail: `${facts.subject} may not issue for clientAuth` })
}

/**
 * The proof of the key in TLS is a digital signature (§4.2.1.3; §4.2.1.12 on id-kp-clientAuth). Not judged
 * with `never`: what the certificate is for does not count then. Nor for another purpose, which has uses
 * of its own.
 */
export function checkLeafKeyUsage({ keyUsage }: ParsedCertificate, require: Requirements): Refusal | null {
  if (require.clientAuth === 'never' || purposeOf(require) !== keyPurposes.clientAuth) return null
  if (keyUsage === null || keyUsage.has('digitalSignature')) return null
  return new Refusal('usage_unsuitable', { detail: 'the key usage lacks digitalSignature' })
}

/** §4.2.1.12, as `require.clientAuth` says. */
export function checkExtendedKeyUsage(
  { extendedKeyUsage }: ParsedCertificate,
  require: Requirements,
): Refusal | null {
  if (require.clientAuth === 'never') return null
  if (extendedKeyUsage === null) {
    if (require.clientAuth === 'if-stated') return null
    return new Refusal('usage_unsuitable', {
      detail: 'there is no extended key usage, and clientAuth is required',
    })
  }
  if (namesPurpose(extendedKeyUsage, require)) return null
  return new Refusal('usage_unsuitable', { detail: 'the extended key usage lacks clientAuth' })
}

function namesPurpose(purposes: readonly string[], require: Requirements): boolean {
  return purposes.includes(purposeOf(require)) || purposes.includes(keyPurposes.anyExtendedKeyUsage)
}

function purposeOf({ keyPurpose }: Requirements): string {
  return keyPurpose ?? keyPurposes.clientAuth
}
