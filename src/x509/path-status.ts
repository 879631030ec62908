import type { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import type { CertificationPath } from './path.js'
import type { Trust } from './trust-store.js'

/** A path that is valid but for revocation, and what its issuers' lists and answers may be checked with. */
export interface StatusQuestion {
  readonly trust: Trust
  readonly path: CertificationPath
  /** What came with the leaf: may hold the issuer of a list, and is believed nothing. */
  readonly presented: readonly ParsedCertificate[]
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly aside: Aside
}

/** Steps aside for as long as something outside is waited for, so that others are verified meanwhile. */
export type Aside = <Result>(waiting: () => Promise<Result>) => Promise<Result>

/** For whoever keeps nobody waiting. */
export const inPlace: Aside = (waiting) => waiting()

/** What was found out about one certificate of a path, for `explain`. */
export interface StatusFinding {
  /** RFC 4514 text. */
  readonly subject: string
  readonly status: 'good' | 'revoked' | 'unknown'
  /** The file or URL of the list or responder; null where there was none. */
  readonly source: string | null
  /** thisUpdate of what was believed, milliseconds since 1970; null without. */
  readonly thisUpdate: number | null
  /** Why it is unknown, or when and why it was revoked; null: nothing to add. */
  readonly detail: string | null
}

/** What revocation says of a path. */
export interface PathStatus {
  /** `certificate_revoked`, `revocation_unknown`, or null: nothing stands against it. */
  readonly refusal: Refusal | null
  /** The cause lies in an intermediate: another path may still do. The leaf's own status is final. */
  readonly endsPathOnly: boolean
  /** Milliseconds since 1970: until when the data that were believed hold; Infinity where none were. */
  readonly validUntil: number
  readonly findings: readonly StatusFinding[]
}

/** Asked by the verifier once a path is valid, and only then: nothing is fetched for a bad one. */
export interface PathStatusChecker {
  check(question: StatusQuestion): Promise<PathStatus>
}
