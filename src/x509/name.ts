import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { DerReader, objectIdentifierOf, tags } from './der-values.js'
import { decodeString } from './directory-string.js'
import type { NameAttribute } from './verified-certificate.js'

/** A distinguished name (RFC 5280 §4.1.2.4). */
export interface Name {
  readonly rdns: readonly (readonly NameAttribute[])[]
  /** The same text for names that are equal by RFC 5280 §7.1: what paths are chained by. */
  readonly key: string
}

/** @throws DerError also for a value that its string type cannot hold. */
export function readName(value: DerValue, what: string): Name {
  if (value.identifier !== tags.sequence) throw new DerError(`${what} is of another type`)
  const rdns = value.children.map((rdn) => readRdn(rdn, what))
  return { rdns, key: nameKey(rdns) }
}

export function nameKey(rdns: Name['rdns']): string {
  return JSON.stringify(rdnKeys(rdns))
}

/** The same for each part, for subtrees: what equal parts begin with. */
export function rdnKeys(rdns: Name['rdns']): readonly string[] {
  return rdns.map((rdn) => JSON.stringify(rdn.map(attributeKey).toSorted()))
}

function readRdn(rdn: DerValue, what: string): readonly NameAttribute[] {
  if (rdn.identifier !== tags.set || rdn.children.length === 0) {
    throw new DerError(`${what} has a part that is no set of attributes`)
  }
  return readAttributes(rdn.children, what)
}

/** Of a relative distinguished name, whatever tag it stands under. @throws DerError */
export function readAttributes(attributes: readonly DerValue[], what: string): readonly NameAttribute[] {
  if (attributes.length === 0) throw new DerError(`${what} has an empty part`)
  return attributes.map((attribute) => {
    const reader = new DerReader(attribute, tags.sequence, `an attribute of ${what}`)
    const type = objectIdentifierOf(reader.take(tags.objectIdentifier, `an attribute type of ${what}`))
    const encoded = reader.takeAny()
    if (encoded === null) throw new DerError(`an attribute of ${what} has no value`)
    reader.end()
    return { type, ...decodeString(encoded) }
  })
}

/**
 * RFC 5280 §7.1 by way of RFC 4518: compatibility forms, case and the number of spaces do not count, nor
 * does which string type holds the characters. Looser than bytes, which harms nothing: a name only leads
 * to a key, and the key has to verify.
 */
function attributeKey({ type, value, encoding }: NameAttribute): string {
  if (encoding === 'unknown') return `${type}=${value}`
  const folded = value.normalize('NFKC').toLowerCase().replaceAll(/\s+/gu, ' ').trim()
  return `${type}="${folded}"`
}
