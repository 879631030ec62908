import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { contextPrimitive, DerReader, smallNumberOf, tags } from './der-values.js'

/** RFC 5280 §4.2.1.11; certificates to be skipped, null: not stated. */
export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | null
  readonly inhibitPolicyMapping: number | null
}

/** @throws DerError where it says nothing, or what is no count */
export function readPolicyConstraints(value: DerValue): PolicyConstraints {
  const reader = new DerReader(value, tags.sequence, 'the policy constraints')
  const [explicit, mapping] = [0, 1].map((number) => reader.takeOptional(contextPrimitive(number)))
  reader.end()
  if (!explicit && !mapping) throw new DerError('empty policy constraints')
  return {
    requireExplicitPolicy: explicit ? skipCerts(explicit) : null,
    inhibitPolicyMapping: mapping ? skipCerts(mapping) : null,
  }
}

/** RFC 5280 §4.2.1.14 */
export function readInhibitAnyPolicy(value: DerValue): number {
  if (value.identifier !== tags.integer) throw new DerError('an inhibitAnyPolicy of another type')
  return skipCerts(value)
}

/** An implicit tag hides from the walk that it is an INTEGER: its shortest form is checked here. */
function skipCerts(value: DerValue): number {
  const [first, second = 0xff] = value.content
  const count = first === undefined || (first === 0 && second < 0x80) ? null : smallNumberOf(value)
  if (count === null) throw new DerError('a count of certificates that is none')
  return count
}
