import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from '../x509/certificate.js'
import type { PathStatus, PathStatusChecker, StatusFinding, StatusQuestion } from '../x509/path-status.js'
import type { CertificateStatus, StatusSource } from './sources.js'

/** What a trust says of revocation: `trust[].revocation`. */
export interface RevocationRules {
  readonly mode: 'none' | 'crl' | 'ocsp' | 'ocsp-then-crl'
  readonly whenUnknown: 'refuse' | 'allow'
  readonly crl: StatusSource
  readonly ocsp: StatusSource
}

const notAsked: PathStatus = {
  refusal: null,
  endsPathOnly: false,
  validUntil: Number.POSITIVE_INFINITY,
  findings: [],
}

/**
 * Asks of each certificate below the anchor what its trust wants to know: CRLs of every one, OCSP of the
 * leaf. What is found of the leaf is final; an intermediate ends its own path only.
 */
export class RevocationChecker implements PathStatusChecker {
  readonly #rules: (trust: string) => RevocationRules | null

  /** @param rules by the name of the trust; null, or mode none: nothing is asked */
  constructor(rules: (trust: string) => RevocationRules | null) {
    this.#rules = rules
  }

  async check(question: StatusQuestion): Promise<PathStatus> {
    const rules = this.#rules(question.trust.name)
    if (rules === null || rules.mode === 'none') return notAsked
    const { certificates, anchor } = question.path
    const findings: StatusFinding[] = []
    let validUntil = Number.POSITIVE_INFINITY
    // The leaf first: what stands against it is final, whatever is true of its issuers.
    for (let at = certificates.length - 1; at >= 0; at -= 1) {
      const certificate = certificates[at]
      const issuer = certificates[at - 1] ?? anchor
      if (certificate === undefined) continue
      const isLeaf = at === certificates.length - 1
      const status = await statusOf({ ...question, certificate, issuer }, rules, isLeaf)
      if (status === null) continue
      findings.push(findingOf(certificate, status))
      const refusal = refusalOf(certificate, status, rules)
      if (refusal !== null) return { refusal, endsPathOnly: !isLeaf, validUntil: status.validUntil, findings }
      validUntil = Math.min(validUntil, status.validUntil)
    }
    return { refusal: null, endsPathOnly: false, validUntil, findings }
  }
}

type Question = StatusQuestion & {
  readonly certificate: ParsedCertificate
  readonly issuer: ParsedCertificate
}

/** Null: nothing is asked of this one. */
async function statusOf(
  question: Question,
  rules: RevocationRules,
  isLeaf: boolean,
): Promise<CertificateStatus | null> {
  if (!isLeaf) return rules.mode === 'ocsp' ? null : rules.crl.status(question)
  if (rules.mode === 'crl') return rules.crl.status(question)
  const answered = await rules.ocsp.status(question)
  if (answered.kind !== 'unknown' || rules.mode === 'ocsp') return answered
  const listed = await rules.crl.status(question)
  return listed.kind === 'unknown'
    ? { ...listed, detail: `${answered.detail ?? ''}; ${listed.detail ?? ''}` }
    : listed
}

function refusalOf(
  { facts }: ParsedCertificate,
  { kind, detail }: CertificateStatus,
  { whenUnknown }: RevocationRules,
): Refusal | null {
  const said = `${facts.subject}: ${detail ?? ''}`
  if (kind === 'revoked') return new Refusal('certificate_revoked', { detail: said })
  return kind === 'unknown' && whenUnknown === 'refuse'
    ? new Refusal('revocation_unknown', { detail: said })
    : null
}

function findingOf({ facts }: ParsedCertificate, status: CertificateStatus): StatusFinding {
  const { kind, source, thisUpdate, detail } = status
  return { subject: facts.subject, status: kind, source, thisUpdate, detail }
}
