import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { DerReader, objectIdentifierOf, tags } from './der-values.js'

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
 * RFC 5280 §4.2.1.4; no policy twice.
 *
 * @throws DerError, as all of these do for what is not exactly of their type.
 */
export function readCertificatePolicies(value: DerValue): readonly PolicyInformation[] {
  const policies = membersOf(value, 'certificate policies').map(readPolicy)
  if (new Set(policies.map(({ policy }) => policy)).size !== policies.length) {
    throw new DerError('certificate policies that name one twice')
  }
  return policies
}

function readPolicy(value: DerValue): PolicyInformation {
  const reader = new DerReader(value, tags.sequence, 'a certificate policy')
  const policy = objectIdentifierOf(reader.take(tags.objectIdentifier, 'the name of a policy'))
  const qualifiers = reader.takeOptional(tags.sequence)
  reader.end()
  if (qualifiers === null) return { policy, qualifiers: [] }
  return { policy, qualifiers: membersOf(qualifiers, 'policy qualifiers').map(readQualifier) }
}

/** What it says is for people: its type is all that is looked at. */
function readQualifier(value: DerValue): string {
  const reader = new DerReader(value, tags.sequence, 'a policy qualifier')
  const type = objectIdentifierOf(reader.take(tags.objectIdentifier, 'the type of a policy qualifier'))
  if (reader.takeAny() === null) throw new DerError('a policy qualifier that says nothing')
  reader.end()
  return type
}

/** §4.2.1.5 */
export function readPolicyMappings(value: DerValue): readonly PolicyMapping[] {
  return membersOf(value, 'policy mappings').map((mapping) => {
    const reader = new DerReader(mapping, tags.sequence, 'a policy mapping')
    const issuerPolicy = reader.take(tags.objectIdentifier, 'a mapped policy')
    const subjectPolicy = reader.take(tags.objectIdentifier, 'the policy that one is mapped to')
    reader.end()
    return {
      issuerPolicy: objectIdentifierOf(issuerPolicy),
      subjectPolicy: objectIdentifierOf(subjectPolicy),
    }
  })
}

/** SEQUENCE SIZE (1..MAX) OF */
function membersOf(value: DerValue, what: string): readonly DerValue[] {
  if (value.identifier !== tags.sequence || value.children.length === 0) {
    throw new DerError(`${what} that are empty, or of another type`)
  }
  return value.children
}
