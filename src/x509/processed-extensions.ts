import { Refusal } from '../core/refusals.js'
import { extensionTypes } from './object-identifiers.js'
import type { CertificationPath } from './path.js'

/**
 * Extensions that validation acts on, so that they may be critical. What ocsp-nocheck says (RFC 6960
 * §4.2.2.2.1) concerns the certificates of responders, where it is acted on; in others it takes nothing away.
 */
const processed: ReadonlySet<string> = new Set([
  extensionTypes.basicConstraints,
  extensionTypes.keyUsage,
  extensionTypes.extendedKeyUsage,
  extensionTypes.subjectAltName,
  extensionTypes.nameConstraints,
  extensionTypes.certificatePolicies,
  extensionTypes.policyMappings,
  extensionTypes.policyConstraints,
  extensionTypes.inhibitAnyPolicy,
  extensionTypes.ocspNoCheck,
])

/** RFC 5280 §6.1.4(o), §6.1.5(f) */
export function checkExtensions({ certificates }: CertificationPath): Refusal | null {
  for (const { extensions, facts } of certificates) {
    for (const [type, { critical }] of extensions) {
      if (!critical || processed.has(type)) continue
      const detail = `the critical extension ${type} in ${facts.subject} is not known`
      return new Refusal('constraint_violated', { detail })
    }
  }
  return null
}
