import { anyPolicy } from './object-identifiers.js'
import type { PolicyRequirements } from './policy-check.js'

/** What a trust asks of a path, beside RFC 5280: `trust.require` of the configuration. */
export interface Requirements {
  /**
   * `if-stated`: an extended key usage of the leaf, where it has one, names clientAuth or
   * anyExtendedKeyUsage; `always`: it has one; `never`: neither it nor the key usage is looked at.
   */
  readonly clientAuth: 'if-stated' | 'always' | 'never'
  /** The purpose asked for, a dotted OID of §4.2.1.12; left out: clientAuth. */
  readonly keyPurpose?: string
  /** For every RSA key of the path, the anchor's too. */
  readonly minRsaBits: number
  /** Intermediates that are not self-issued; null: no limit. */
  readonly maxPathLength: number | null
  readonly policies: PolicyRequirements
}

/** As RFC 5280 §6.1.1 has it where nobody asks for anything. */
export const anyPolicies: PolicyRequirements = {
  initial: [anyPolicy],
  explicit: false,
  inhibitMapping: false,
  inhibitAny: false,
}

/** `require.policies`: with any named, the path must be valid for one of them. */
export function policiesOf(named: readonly string[]): PolicyRequirements {
  return named.length === 0 ? anyPolicies : { ...anyPolicies, initial: named, explicit: true }
}
