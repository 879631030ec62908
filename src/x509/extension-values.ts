import type { DerValue } from './der.js'
import { DerError } from './der.js'
import {
  contextConstructed,
  contextPrimitive,
  DerReader,
  objectIdentifierOf,
  smallNumberOf,
  tags,
} from './der-values.js'
import { readGeneralName } from './general-names.js'

/** RFC 5280 §4.2.1.9 */
export interface BasicConstraints {
  readonly authority: boolean
  /** Null: not limited. */
  readonly pathLength: number | null
}

/** @throws DerError, as all of these do for what is not exactly of their type. */
export function readBasicConstraints(value: DerValue): BasicConstraints {
  const reader = new DerReader(value, tags.sequence, 'the basic constraints')
  const authority = reader.takeOptional(tags.boolean)
  const length = reader.takeOptional(tags.integer)
  reader.end()
  if (authority?.content[0] === 0x00) throw new DerError('basic constraints whose default is written out')
  const pathLength = length === null ? null : smallNumberOf(length)
  if (length !== null && pathLength === null) {
    throw new DerError('a path length constraint that is negative, or above 48 bits')
  }
  return { authority: authority !== null, pathLength }
}

/** Dotted OIDs of §4.2.1.12; at least one. */
export function readExtendedKeyUsage(value: DerValue): readonly string[] {
  if (value.identifier !== tags.sequence || value.children.length === 0) {
    throw new DerError('an empty extended key usage')
  }
  return value.children.map((purpose) => {
    if (purpose.identifier !== tags.objectIdentifier) throw new DerError('a key purpose of another type')
    return objectIdentifierOf(purpose)
  })
}

/** The key identifier of §4.2.1.1 in hexadecimal, or null where only issuer and serial are given. */
export function readAuthorityKeyIdentifier(value: DerValue): string | null {
  const reader = new DerReader(value, tags.sequence, 'the authority key identifier')
  const keyIdentifier = reader.takeOptional(contextPrimitive(0))
  const issuer = reader.takeOptional(contextConstructed(1))
  reader.takeOptional(contextPrimitive(2))
  reader.end()
  issuer?.children.forEach(readGeneralName)
  return keyIdentifier === null ? null : Buffer.from(keyIdentifier.content).toString('hex')
}
