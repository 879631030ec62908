import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { contextConstructed, contextPrimitive, DerReader, tags } from './der-values.js'
import { type GeneralName, readGeneralName } from './general-names.js'

/** RFC 5280 §4.2.1.10 */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** @throws DerError for constraints that are empty, or not what their forms ask for. */
export function readNameConstraints(value: DerValue): NameConstraints {
  const reader = new DerReader(value, tags.sequence, 'the name constraints')
  const [permitted, excluded] = [0, 1].map((number) => reader.takeOptional(contextConstructed(number)))
  reader.end()
  if (!permitted && !excluded) throw new DerError('empty name constraints')
  return { permitted: readSubtrees(permitted ?? null), excluded: readSubtrees(excluded ?? null) }
}

function readSubtrees(value: DerValue | null): readonly GeneralName[] {
  if (value === null) return []
  if (value.children.length === 0) throw new DerError('an empty list of name constraints')
  return value.children.map(readSubtree)
}

/** `minimum` is 0, its default, and `maximum` absent: DER writes neither. */
function readSubtree(value: DerValue): GeneralName {
  const reader = new DerReader(value, tags.sequence, 'a name constraint')
  const base = reader.takeAny()
  if (base === null) throw new DerError('a name constraint without a name')
  if (
    reader.takeOptional(contextPrimitive(0)) !== null ||
    reader.takeOptional(contextPrimitive(1)) !== null
  ) {
    throw new DerError('a name constraint with a minimum or a maximum')
  }
  reader.end()
  const name = readGeneralName(base)
  if (name.form === 'iPAddress' && !isAddressAndMask(name.octets)) {
    throw new DerError('an IP constraint that is no address and mask')
  }
  return name
}

/** The mask is ones, then zeros (RFC 4632 §5.1). */
function isAddressAndMask(octets: Uint8Array): boolean {
  if (octets.length !== 8 && octets.length !== 32) return false
  const mask = Array.from(octets.subarray(octets.length / 2), (octet) => octet.toString(2).padStart(8, '0'))
  return /^1*0*$/.test(mask.join(''))
}
