import type { ParsedCertificate } from './certificate.js'

/** A candidate: names chain from the leaf to the anchor, and no signature on the way is wrong. */
export interface CertificationPath {
  readonly anchor: ParsedCertificate
  /** From the one that the anchor issued to the leaf, the order of RFC 5280 §6.1. */
  readonly certificates: readonly ParsedCertificate[]
  /** Those whose signature could not be checked, their algorithm or issuer's key being unlisted. */
  readonly unchecked: readonly ParsedCertificate[]
}

/** RFC 5280 §6.1: issuer and subject are the same name. */
export function isSelfIssued(certificate: ParsedCertificate): boolean {
  return certificate.subject.key === certificate.issuer.key
}
