import type { ParsedCertificate } from '../x509/certificate.js'
import type { CertificationPath } from '../x509/path.js'
import type { Aside } from '../x509/path-status.js'
import type { Trust } from '../x509/trust-store.js'

/** One certificate of a path that is valid but for revocation. */
export interface CertificateQuestion {
  readonly certificate: ParsedCertificate
  /** The one that issued it: the next towards the anchor, or the anchor itself. */
  readonly issuer: ParsedCertificate
  readonly path: CertificationPath
  readonly trust: Trust
  /** What came with the leaf: may hold the issuer of a list, and is believed nothing. */
  readonly presented: readonly ParsedCertificate[]
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly aside: Aside
}

export interface CertificateStatus {
  readonly kind: 'good' | 'revoked' | 'unknown'
  /** The file or URL of what was believed; null where there was none. */
  readonly source: string | null
  /** thisUpdate of what was believed, milliseconds since 1970; null without. */
  readonly thisUpdate: number | null
  /** Milliseconds since 1970: until when this holds; Infinity where nothing was believed. */
  readonly validUntil: number
  /** Why it is unknown, or when and why it was revoked; null: nothing to add. */
  readonly detail: string | null
}

/** CRLs or OCSP: says of one certificate what it knows. */
export interface StatusSource {
  status(question: CertificateQuestion): Promise<CertificateStatus>
}

export function unknown(detail: string): CertificateStatus {
  return { kind: 'unknown', source: null, thisUpdate: null, validUntil: Number.POSITIVE_INFINITY, detail }
}
