import type { Refusal } from '../core/refusals.js'
import type { Identity } from '../identity/identity.js'
import type { VerifiedCertificate } from '../x509/verified-certificate.js'

/** Whoever proved to own a good certificate, and whom it names. */
export interface Holder {
  readonly certificate: VerifiedCertificate
  readonly identity: Identity
}

/** What certificate, revocation and identity say, before any account is looked up. */
export type Verdict =
  | {
      readonly accepted: true
      /** Null where the route does not ask for a certificate and none came. */
      readonly holder: Holder | null
    }
  | {
      readonly accepted: false
      readonly refusal: Refusal
      /** What was established before the refusal. */
      readonly certificate: VerifiedCertificate | null
      readonly identity: Identity | null
    }

/** The part of a verdict that hangs on the certificate alone, and so may be cached. */
export type CertificateVerdict = (
  | { readonly refusal: null; readonly certificate: VerifiedCertificate; readonly identity: Identity }
  | {
      readonly refusal: Refusal
      /** What was established before the refusal. */
      readonly certificate: VerifiedCertificate | null
      readonly identity: Identity | null
    }
) & {
  /** Milliseconds since 1970 after which this must be judged anew. */
  readonly endsAt: number
}
