import type { Refusal } from '../core/refusals.js'
import { earlier } from '../core/refusals.js'
import { checkBasicConstraints } from './basic-constraints.js'
import type { ParsedCertificate } from './certificate.js'
import { checkStrength } from './key-strength.js'
import { checkExtendedKeyUsage, checkIssuerUsage, checkLeafKeyUsage } from './key-usage.js'
import { checkNameConstraints } from './name-constraint-check.js'
import type { CertificationPath } from './path.js'
import { checkPolicies } from './policy-check.js'
import { checkExtensions } from './processed-extensions.js'
import type { Requirements } from './requirements.js'
import { checkValidity } from './validity.js'

/**
 * RFC 5280 §6.1.3 to §6.1.5 over one path whose names chain and whose signatures were checked where they
 * could be. Null: the path is valid. Otherwise the earliest of its causes in the order of the stages.
 */
export function validatePath(path: CertificationPath, require: Requirements, atMs: number): Refusal | null {
  const leaf = path.certificates[path.certificates.length - 1]
  if (leaf === undefined) throw new Error('a certification path without a certificate')
  const issuers = path.certificates.slice(0, -1)
  // The leaf's own dates are what its holder can do something about: they speak before an issuer's.
  const times = path.certificates.toReversed().map(({ facts }) => checkValidity(facts, atMs, facts.subject))
  const causes = [
    ...times,
    checkLeafKeyUsage(leaf, require),
    checkExtendedKeyUsage(leaf, require),
    checkBasicConstraints(issuers, require.maxPathLength),
    ...issuers.map((issuer) => checkIssuerUsage(issuer, require)),
    checkExtensions(path),
    checkNameConstraints(path),
    checkPolicies(path, require.policies),
    checkStrength(path, require.minRsaBits),
  ]
  return causes.reduce(
    (first, cause) => (first === null || cause === null ? (first ?? cause) : earlier(first, cause)),
    null,
  )
}

/** Whether a certificate, looked at by itself, could be an intermediate of a valid path. */
export function couldIssue(certificate: ParsedCertificate, require: Requirements, atMs: number): boolean {
  const { facts } = certificate
  return (
    checkValidity(facts, atMs, facts.subject) === null &&
    checkBasicConstraints([certificate], null) === null &&
    checkIssuerUsage(certificate, require) === null
  )
}
