import { Refusal } from '../core/refusals.js'
import { parseCertificate, presentedLimits } from './certificate.js'
import type { BasicConstraints } from './extension-values.js'
import { describePublicKey } from './public-key.js'
import { describeSignatureAlgorithm } from './signature-algorithm.js'
import type { CertificateFacts } from './verified-certificate.js'

/** What a certificate says of itself, for logs and `explain`: nothing of it was verified. */
export interface UnverifiedCertificate extends CertificateFacts {
  readonly version: 1 | 2 | 3
  /** For people: `RSA 2048`, `P-256`, … */
  readonly key: string
  readonly signatureAlgorithm: string
  readonly basicConstraints: BasicConstraints | null
  /** Names of RFC 5280 §4.2.1.3; null: any use. */
  readonly keyUsage: readonly string[] | null
  /** Dotted OIDs; null: any purpose. */
  readonly extendedKeyUsage: readonly string[] | null
}

/** Reads a DER certificate of at most 16 KiB without believing it; `certificate_malformed` where it is none. */
export function describeCertificate(der: Uint8Array): UnverifiedCertificate | Refusal {
  const certificate = parseCertificate(der, presentedLimits)
  if (certificate instanceof Refusal) return certificate
  return {
    ...certificate.facts,
    version: certificate.version,
    key: describePublicKey(certificate.publicKey),
    signatureAlgorithm: describeSignatureAlgorithm(certificate.signatureAlgorithm),
    basicConstraints: certificate.basicConstraints,
    keyUsage: certificate.keyUsage === null ? null : [...certificate.keyUsage],
    extendedKeyUsage: certificate.extendedKeyUsage,
  }
}
