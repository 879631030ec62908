import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { anyPolicy, extensionTypes, policyQualifiers } from './object-identifiers.js'
import { type CertificationPath, isSelfIssued } from './path.js'
import { PolicyGraph } from './policy-graph.js'

/** The inputs of RFC 5280 §6.1.1(c), (e), (f) and (g). */
export interface PolicyRequirements {
  /** The user-initial-policy-set; anyPolicy stands for all. */
  readonly initial: readonly string[]
  readonly explicit: boolean
  readonly inhibitMapping: boolean
  readonly inhibitAny: boolean
}

/** Counts of certificates until a rule begins to hold (§6.1.2(d) to (f)). */
interface Counters {
  explicitPolicy: number
  inhibitAnyPolicy: number
  policyMapping: number
}

/** §6.1.3(d) to (f), §6.1.4(a), (b), (h) to (j), §6.1.5(a), (b) and (g). */
export function checkPolicies(
  { certificates }: CertificationPath,
  require: PolicyRequirements,
): Refusal | null {
  const graph = new PolicyGraph()
  const never = certificates.length + 1
  const counters: Counters = {
    explicitPolicy: require.explicit ? 0 : never,
    inhibitAnyPolicy: require.inhibitAny ? 0 : never,
    policyMapping: require.inhibitMapping ? 0 : never,
  }
  for (const [at, certificate] of certificates.entries()) {
    const isLeaf = at === certificates.length - 1
    const malformed = checkForm(certificate, isLeaf)
    if (malformed !== null) return malformed
    const anyCounts = counters.inhibitAnyPolicy > 0 || (!isLeaf && isSelfIssued(certificate))
    graph.addCertificate(certificate.certificatePolicies, anyCounts)
    if (counters.explicitPolicy === 0 && graph.isEmpty) return noPolicy(certificate)
    if (isLeaf) wrapUp(certificate, counters)
    else prepareNext(certificate, counters, graph)
  }
  const leaf = certificates[certificates.length - 1]
  if (leaf === undefined || counters.explicitPolicy > 0) return null
  return graph.hasPolicyOf(new Set(require.initial)) ? null : noPolicy(leaf)
}

function prepareNext(certificate: ParsedCertificate, counters: Counters, graph: PolicyGraph): void {
  const { policyMappings, policyConstraints, inhibitAnyPolicy } = certificate
  if (policyMappings !== null) graph.map(policyMappings, counters.policyMapping > 0)
  if (!isSelfIssued(certificate)) {
    counters.explicitPolicy = Math.max(0, counters.explicitPolicy - 1)
    counters.policyMapping = Math.max(0, counters.policyMapping - 1)
    counters.inhibitAnyPolicy = Math.max(0, counters.inhibitAnyPolicy - 1)
  }
  counters.explicitPolicy = Math.min(
    counters.explicitPolicy,
    policyConstraints?.requireExplicitPolicy ?? Infinity,
  )
  counters.policyMapping = Math.min(
    counters.policyMapping,
    policyConstraints?.inhibitPolicyMapping ?? Infinity,
  )
  counters.inhibitAnyPolicy = Math.min(counters.inhibitAnyPolicy, inhibitAnyPolicy ?? Infinity)
}

function wrapUp({ policyConstraints }: ParsedCertificate, counters: Counters): void {
  counters.explicitPolicy = Math.max(0, counters.explicitPolicy - 1)
  if (policyConstraints?.requireExplicitPolicy === 0) counters.explicitPolicy = 0
}

const knownQualifiers: ReadonlySet<string> = new Set(Object.values(policyQualifiers))

/** §4.2.1.4: a critical extension is understood with its qualifiers; §6.1.4(a): anyPolicy is never mapped. */
function checkForm(certificate: ParsedCertificate, isLeaf: boolean): Refusal | null {
  const { certificatePolicies, policyMappings, extensions, facts } = certificate
  const qualifiers = (certificatePolicies ?? []).flatMap((policy) => policy.qualifiers)
  const isCritical = extensions.get(extensionTypes.certificatePolicies)?.critical === true
  if (isCritical && !qualifiers.every((qualifier) => knownQualifiers.has(qualifier))) {
    return violated(`a qualifier of the critical policies in ${facts.subject} is not known`)
  }
  if (isLeaf) return null
  const mapsAny = (policyMappings ?? []).some(
    ({ issuerPolicy, subjectPolicy }) => issuerPolicy === anyPolicy || subjectPolicy === anyPolicy,
  )
  return mapsAny ? violated(`${facts.subject} maps anyPolicy`) : null
}

function noPolicy({ facts }: ParsedCertificate): Refusal {
  return violated(`there is no certificate policy under which ${facts.subject} is valid`)
}

function violated(detail: string): Refusal {
  return new Refusal('constraint_violated', { detail })
}
