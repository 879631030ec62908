import type { ParsedCertificate } from '../../x509/certificate.js'
import type { CertificationPath } from '../../x509/path.js'
import { findPaths } from '../../x509/path-building.js'
import { validatePath } from '../../x509/path-validation.js'
import { anyPolicies } from '../../x509/requirements.js'
import type { CertificateQuestion } from '../sources.js'
import type { Crl } from './crl.js'

/**
 * Whether the list was signed by who may: a certificate of its issuer's name, whose key usage allows it, and
 * that leads to the very anchor of the path in question (RFC 5280 §6.3.3(f) and (g)).
 */
export async function isSignedByItsIssuer(
  crl: Crl,
  question: CertificateQuestion,
  isRevoked: AskRevoked,
): Promise<boolean> {
  for (const candidate of candidatesOf(crl, question)) {
    if ((await crl.verify(candidate)) !== 'good') continue
    if (await leadsToAnchor(candidate, question, isRevoked)) return true
  }
  return false
}

/** Whether a list, other than the one in question, says that a certificate is revoked. */
export type AskRevoked = (question: CertificateQuestion) => Promise<boolean>

/** First those of the path, as is usual; whose key the list names, before others of the name. */
function candidatesOf(
  { head }: Crl,
  { path, trust, presented }: CertificateQuestion,
): readonly ParsedCertificate[] {
  const all = [
    ...path.certificates.slice(0, -1).toReversed(),
    path.anchor,
    ...trust.intermediates,
    ...presented,
  ]
  const unique = [...new Map(all.map((one) => [one.facts.sha256, one])).values()]
  const wanted = head.authorityKeyIdentifier
  const rank = (one: ParsedCertificate) => (wanted !== null && one.subjectKeyIdentifier === wanted ? 0 : 1)
  return unique
    .filter((one) => one.subject.key === head.issuer.key && maySignLists(one))
    .toSorted((a, b) => rank(a) - rank(b))
}

/** §4.2.1.3: without a key usage every use is allowed. */
function maySignLists({ keyUsage }: ParsedCertificate): boolean {
  return keyUsage?.has('cRLSign') !== false
}

/**
 * The anchor, and what stands on the path above a leaf, are judged with it; the rest has to be, revocation
 * included. Where nothing is known of a list's issuer the list counts: it cannot speak for itself.
 */
async function leadsToAnchor(
  candidate: ParsedCertificate,
  question: CertificateQuestion,
  isRevoked: AskRevoked,
): Promise<boolean> {
  const { path, trust, presented, atMs } = question
  if (candidate === path.anchor || path.certificates.slice(0, -1).includes(candidate)) return true
  const intermediates = [...trust.intermediates, ...presented]
  // What a list's issuer may do beside signing lists, and under which policy, is not asked.
  const require = { ...trust.require, clientAuth: 'never' as const, policies: anyPolicies }
  for await (const found of findPaths({ leaf: candidate, anchors: [path.anchor], intermediates })) {
    if (validatePath(found, require, atMs) !== null) continue
    if (!(await isAnyRevoked(found, question, isRevoked))) return true
  }
  return false
}

async function isAnyRevoked(
  path: CertificationPath,
  question: CertificateQuestion,
  isRevoked: AskRevoked,
): Promise<boolean> {
  for (const [at, certificate] of path.certificates.entries()) {
    const issuer = path.certificates[at - 1] ?? path.anchor
    if (await isRevoked({ ...question, path, certificate, issuer })) return true
  }
  return false
}
