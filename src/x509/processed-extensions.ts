import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { anyPolicy, extensionTypes, policyQualifiers } from './object-identifiers.js'
import type { CertificationPath } from './path.js'

/**
 * Extensions that validation acts on, so that they may be critical. The three of policies act by doing
 * nothing: without an explicit policy required, and with policy constraints refused below, no policy can
 * end a path (RFC 5280 §6.1.5(g)).
 */
const processed: ReadonlySet<string> = new Set([
  extensionTypes.basicConstraints,
  extensionTypes.keyUsage,
  extensionTypes.extendedKeyUsage,
  extensionTypes.subjectAltName,
  extensionTypes.certificatePolicies,
  extensionTypes.policyMappings,
  extensionTypes.inhibitAnyPolicy,
])

/** Extensions that would end paths which are valid without them, critical or not: not processed yet. */
const restricting = [extensionTypes.nameConstraints, extensionTypes.policyConstraints] as const

/** RFC 5280 §6.1.4(o), §6.1.5(f), and what is not processed yet. */
export function checkExtensions(path: CertificationPath): Refusal | null {
  for (const certificate of path.certificates) {
    const refusal = checkCertificate(certificate)
    if (refusal !== null) return refusal
  }
  // RFC 5937: an anchor's name constraints count, while nothing else in its certificate does.
  if (path.anchor.extensions.has(extensionTypes.nameConstraints)) {
    return violated(`name constraints in the anchor ${path.anchor.facts.subject} are not supported yet`)
  }
  return null
}

function checkCertificate(certificate: ParsedCertificate): Refusal | null {
  const { extensions, facts } = certificate
  for (const [type, { critical }] of extensions) {
    if (critical && !processed.has(type)) {
      return violated(`the critical extension ${type} in ${facts.subject} is not known`)
    }
  }
  const found = restricting.find((type) => extensions.has(type))
  if (found !== undefined) return violated(`the extension ${found} in ${facts.subject} is not supported yet`)
  return checkPolicies(certificate)
}

const knownQualifiers: ReadonlySet<string> = new Set(Object.values(policyQualifiers))

/** §4.2.1.4: a critical extension is understood with its qualifiers; §6.1.4(a): anyPolicy is never mapped. */
function checkPolicies(certificate: ParsedCertificate): Refusal | null {
  const { certificatePolicies, policyMappings, extensions, facts } = certificate
  const qualifiers = (certificatePolicies ?? []).flatMap((policy) => policy.qualifiers)
  const isCritical = extensions.get(extensionTypes.certificatePolicies)?.critical === true
  if (isCritical && !qualifiers.every((qualifier) => knownQualifiers.has(qualifier))) {
    return violated(`a qualifier of the critical policies in ${facts.subject} is not known`)
  }
  const mapsAny = (policyMappings ?? []).some(
    ({ issuerPolicy, subjectPolicy }) => issuerPolicy === anyPolicy || subjectPolicy === anyPolicy,
  )
  return mapsAny ? violated(`${facts.subject} maps anyPolicy`) : null
}

function violated(detail: string): Refusal {
  return new Refusal('constraint_violated', { detail })
}
