import { DerError, type DerLimits, type DerValue, readDer } from '../../x509/der.js'
import { contextConstructed, contextPrimitive, DerReader, tags } from '../../x509/der-values.js'
import { type GeneralName, readGeneralName } from '../../x509/general-names.js'
import { type Name, rdnKeys, readAttributes } from '../../x509/name.js'
import { type Reasons, readReasons } from './reasons.js'

/** RFC 5280 §4.2.1.13 */
export interface DistributionPoint {
  /** Null: the list is found by its issuer alone. */
  readonly name: DistributionPointName | null
  /** Null: all. */
  readonly reasons: Reasons | null
  /** Null: whoever issued the certificate issues the list. */
  readonly crlIssuer: readonly GeneralName[] | null
}

/** Names in full, or what is to be added to the issuer's name. */
export type DistributionPointName =
  | { readonly kind: 'full'; readonly names: readonly GeneralName[] }
  | { readonly kind: 'relative'; readonly rdn: string }

const limits: DerLimits = { maxBytes: 65_536, maxDepth: 24, maxNodes: 4_096, maxOidBytes: 128 }

/** cRLDistributionPoints, or freshestCRL, which has the same form. @throws DerError */
export function readDistributionPoints(extension: Uint8Array): readonly DistributionPoint[] {
  const list = readDer(extension, limits)
  if (list.identifier !== tags.sequence || list.children.length === 0)
    throw new DerError('empty distribution points')
  return list.children.map(readDistributionPoint)
}

function readDistributionPoint(value: DerValue): DistributionPoint {
  const reader = new DerReader(value, tags.sequence, 'a distribution point')
  const name = reader.takeOptional(contextConstructed(0))
  const reasons = reader.takeOptional(contextPrimitive(1))
  const issuer = reader.takeOptional(contextConstructed(2))
  reader.end()
  if (name === null && issuer === null)
    throw new DerError('a distribution point that names neither place nor issuer')
  return {
    name: name === null ? null : readDistributionPointName(name),
    reasons: reasons === null ? null : readReasons(reasons),
    crlIssuer: issuer === null ? null : issuer.children.map(readGeneralName),
  }
}

/** `[0] EXPLICIT` around the CHOICE. @throws DerError */
export function readDistributionPointName(tagged: DerValue): DistributionPointName {
  const [choice, ...more] = tagged.children
  if (choice === undefined || more.length > 0) throw new DerError('a distribution point name that is not one')
  if (choice.identifier === contextConstructed(0)) {
    if (choice.children.length === 0) throw new DerError('a distribution point without a name')
    return { kind: 'full', names: choice.children.map(readGeneralName) }
  }
  if (choice.identifier !== contextConstructed(1))
    throw new DerError('a distribution point name of no known form')
  const [rdn = ''] = rdnKeys([readAttributes(choice.children, 'a relative name')])
  return { kind: 'relative', rdn }
}

/** The names as such that can be compared; a relative one is added to the name of the list's issuer. */
export function namesOf(name: DistributionPointName, issuer: Name): readonly GeneralName[] {
  if (name.kind === 'full') return name.names
  return [{ form: 'directoryName', rdns: [...rdnKeys(issuer.rdns), name.rdn] }]
}

/** Whether two lists of names have one in common; of a form that is not handled nothing is known to be equal. */
export function share(left: readonly GeneralName[], right: readonly GeneralName[]): boolean {
  const known = new Set(left.map(nameText).filter((text) => text !== null))
  return right.map(nameText).some((text) => text !== null && known.has(text))
}

function nameText(name: GeneralName): string | null {
  switch (name.form) {
    case 'directoryName':
      return `directory ${JSON.stringify(name.rdns)}`
    case 'iPAddress':
      return `ip ${Buffer.from(name.octets).toString('hex')}`
    case 'unhandled':
      return null
    case 'rfc822Name':
    case 'dNSName':
    case 'uniformResourceIdentifier':
    case 'userPrincipalName':
      return `${name.form} ${name.text}`
  }
}
