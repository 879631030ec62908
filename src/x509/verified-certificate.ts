import type { StatusFinding } from './path-status.js'

/** One attribute of a distinguished name, read from its ASN.1 value. */
export interface NameAttribute {
  /** Dotted OID of the attribute type. */
  readonly type: string
  readonly value: string
  /** The ASN.1 string type it was encoded in: `UTF8String`, `PrintableString`, `IA5String`, … */
  readonly encoding: string
}

/** The subject alternative names that sign-in looks at, each with what it was encoded in. */
export interface AlternativeNames {
  /** rfc822Name (RFC 5280 §4.2.1.6), an IA5String. */
  readonly email: readonly string[]
  /** otherName of type 1.3.6.1.4.1.311.20.2.3 (userPrincipalName), with its string type. */
  readonly upn: readonly { readonly value: string; readonly encoding: string }[]
}

export interface CertificateFacts {
  /** Upper-case hexadecimal as `openssl x509 -serial` prints it. */
  readonly serial: string
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly sha256: string
  /** SHA-256 of the subjectPublicKeyInfo, lower-case hexadecimal. */
  readonly spkiSha256: string
  /** RFC 4514 text. */
  readonly subject: string
  readonly issuer: string
  /** Relative distinguished names in the order of the encoding, each a set of attributes. */
  readonly subjectName: readonly (readonly NameAttribute[])[]
  readonly alternativeNames: AlternativeNames
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
}

/** What the verifier adds: under which trust, by which path, and until when its word holds. */
export interface Verification {
  readonly trust: string
  /** Subjects from the leaf to the anchor, RFC 4514 text, for `explain`. */
  readonly path: readonly string[]
  /** Milliseconds since 1970: the earliest notAfter along the path, and end of what revocation said. */
  readonly validUntil: number
  /** What revocation said of each certificate that was asked about; empty: nothing was asked. */
  readonly findings: readonly StatusFinding[]
}

let make: ((facts: CertificateFacts, verification: Verification) => VerifiedCertificate) | undefined

/**
 * A certificate whose path was validated. Only the verifier can make one: nothing that was not
 * checked can be handed on in its place.
 */
export class VerifiedCertificate {
  readonly facts: CertificateFacts
  readonly trust: string
  readonly path: readonly string[]
  readonly validUntil: number
  readonly findings: readonly StatusFinding[]

  static {
    make = (facts, verification) => new VerifiedCertificate(facts, verification)
  }

  private constructor(facts: CertificateFacts, verification: Verification) {
    this.facts = facts
    this.trust = verification.trust
    this.path = verification.path
    this.validUntil = verification.validUntil
    this.findings = verification.findings
    Object.freeze(this)
  }
}

/** Hands the one maker to the first who asks, the verifier, and to nobody after it. */
export function takeMaker(): (facts: CertificateFacts, verification: Verification) => VerifiedCertificate {
  if (make === undefined) throw new Error('the maker of verified certificates has been taken')
  const taken = make
  make = undefined
  return taken
}
