import type { DerValue } from './der.js'
import { DerReader, objectIdentifierOf, tags } from './der-values.js'

/** RFC 5280 §4.1.1.2 */
export interface AlgorithmIdentifier {
  readonly type: string
  /** Null: absent. */
  readonly parameters: DerValue | null
}

/** @throws DerError */
export function readAlgorithmIdentifier(value: DerValue, what: string): AlgorithmIdentifier {
  const reader = new DerReader(value, tags.sequence, what)
  const type = objectIdentifierOf(reader.take(tags.objectIdentifier, what))
  const parameters = reader.takeAny()
  reader.end()
  return { type, parameters }
}

export function isAbsentOrNull(parameters: DerValue | null): boolean {
  return parameters === null || parameters.identifier === tags.null
}
