import { Refusal, type RefusalCode } from '../core/refusals.js'
import type { Examination, ExaminedPath } from '../x509/examination.js'
import type { StatusFinding } from '../x509/path-status.js'
import type { CertificateFacts } from '../x509/verified-certificate.js'
import { ageInWords } from './age.js'

export interface ExplainedCertificate {
  readonly subject: string
  readonly serial: string
  /** ISO 8601. */
  readonly notAfter: string
}

export interface ExplainedStatus extends Pick<StatusFinding, 'subject' | 'status' | 'source' | 'detail'> {
  /** ISO 8601; null where nothing was believed. */
  readonly thisUpdate: string | null
  readonly age: string | null
}

export interface ExplainedPath {
  readonly trust: string
  /** From the leaf upward, below the anchor; without an anchor as far as it got, the last being in doubt. */
  readonly certificates: readonly ExplainedCertificate[]
  readonly anchor: ExplainedCertificate | null
  /** Null: this is the path that was built. */
  readonly refusal: { readonly code: RefusalCode; readonly detail: string | null } | null
  /** Of each certificate that was asked about. */
  readonly revocation: readonly ExplainedStatus[]
}

export interface ExplainedPaths {
  /** In the order in which they were tried; the one that was built is the last. */
  readonly paths: readonly ExplainedPath[]
  /** More failed than are listed. */
  readonly pathsCut: boolean
  /** There are more ways to go than were tried. */
  readonly searchCut: boolean
}

/** @param found a refusal: what could not be read, which has no paths */
export function explainPaths(found: Examination | Refusal, nowMs: number): ExplainedPaths {
  if (found instanceof Refusal) return { paths: [], pathsCut: false, searchCut: false }
  return {
    paths: found.paths.map((path) => explainPath(path, nowMs)),
    pathsCut: found.isCut,
    searchCut: found.isSearchCut,
  }
}

function explainPath({ trust, certificates, anchor, refusal, findings }: ExaminedPath, nowMs: number) {
  return {
    trust,
    certificates: certificates.map(explainCertificate),
    anchor: anchor === null ? null : explainCertificate(anchor),
    refusal: refusal === null ? null : { code: refusal.code, detail: refusal.detail ?? null },
    revocation: findings.map((finding) => explainStatus(finding, nowMs)),
  }
}

function explainCertificate({ subject, serial, notAfter }: CertificateFacts): ExplainedCertificate {
  return { subject, serial, notAfter: new Date(notAfter).toISOString() }
}

export function explainStatus(finding: StatusFinding, nowMs: number): ExplainedStatus {
  const { subject, status, source, thisUpdate, detail } = finding
  const times =
    thisUpdate === null
      ? { thisUpdate, age: null }
      : { thisUpdate: new Date(thisUpdate).toISOString(), age: ageInWords(thisUpdate, nowMs) }
  return { subject, status, source, ...times, detail }
}
