import type { Sequence } from 'asn1js'
import * as pkijs from 'pkijs'
import { DerError } from './der.js'

/** Dotted OIDs: a policy and the types of its qualifiers. */
export interface PolicyInformation {
  readonly policy: string
  readonly qualifiers: readonly string[]
}

export interface PolicyMapping {
  readonly issuerPolicy: string
  readonly subjectPolicy: string
}

/**
 * Extension values read by pkijs: the one file that knows its objects, and no object of its leaves it. The
 * strict walk has been over the bytes before.
 */

/**
 * The key identifier of §4.2.1.1 in hexadecimal, as lists of revoked certificates have it too.
 *
 * @throws DerError, as all of these do for what they cannot read whole.
 */
export function readAuthorityKeyIdentifier(value: Uint8Array): string | null {
  const { keyIdentifier } = decode(
    (raw) => pkijs.AuthorityKeyIdentifier.fromBER(raw),
    value,
    'authority key identifier',
  )
  return keyIdentifier === undefined
    ? null
    : Buffer.from(keyIdentifier.valueBlock.valueHexView).toString('hex')
}

/** §4.2.1.4; no policy twice. */
export function readCertificatePolicies(value: Uint8Array): readonly PolicyInformation[] {
  const { certificatePolicies } = decode(
    (raw) => pkijs.CertificatePolicies.fromBER(raw),
    value,
    'certificate policies',
  )
  const policies = certificatePolicies.map(({ policyIdentifier, policyQualifiers }) => ({
    policy: policyIdentifier,
    qualifiers: (policyQualifiers ?? []).map((qualifier) => qualifier.policyQualifierId),
  }))
  if (policies.length === 0 || new Set(policies.map(({ policy }) => policy)).size !== policies.length) {
    throw new DerError('certificate policies that are empty or name one twice')
  }
  return policies
}

/** §4.2.1.5 */
export function readPolicyMappings(value: Uint8Array): readonly PolicyMapping[] {
  const { mappings } = decode((raw) => pkijs.PolicyMappings.fromBER(raw), value, 'policy mappings')
  if (mappings.length === 0) throw new DerError('empty policy mappings')
  return mappings.map((mapping) => ({
    issuerPolicy: mapping.issuerDomainPolicy,
    subjectPolicy: mapping.subjectDomainPolicy,
  }))
}

/** What pkijs left out of account shows in what it writes: DER has one encoding for each value. */
function decode<T extends { toSchema(): Sequence }>(
  read: (raw: Uint8Array<ArrayBuffer>) => T,
  value: Uint8Array,
  what: string,
): T {
  try {
    const decoded = read(Uint8Array.from(value))
    const encoded = Buffer.from(decoded.toSchema().toBER())
    if (!encoded.equals(value)) throw new DerError(`${what} with more or other fields than it may have`)
    return decoded
  } catch (cause) {
    if (cause instanceof DerError) throw cause
    // pkijs and asn1js throw errors of many classes for one and the same thing.
    if (cause instanceof Error) throw new DerError(`${what} that cannot be read`)
    throw cause
  }
}
