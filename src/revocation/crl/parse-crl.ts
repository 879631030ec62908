import { DerError, type DerLimits, type DerValue, readDer } from '../../x509/der.js'
import {
  bitStringBytesOf,
  contextConstructed,
  contextPrimitive,
  DerReader,
  objectIdentifierOf,
  tags,
} from '../../x509/der-values.js'
import { type Name, readName } from '../../x509/name.js'
import { readAuthorityKeyIdentifier } from '../../x509/pkijs-extensions.js'
import { readSignatureAlgorithm, type SignatureAlgorithm } from '../../x509/signature-algorithm.js'
import { readTime } from '../../x509/validity.js'
import { type DistributionPointName, readDistributionPointName } from './distribution-point.js'
import { type Reasons, readReasons } from './reasons.js'
import { type Tlv, tlvAt } from './tlv.js'

/** RFC 5280 §5.2.5 */
export interface IssuingDistributionPoint {
  readonly name: DistributionPointName | null
  readonly onlyUserCertificates: boolean
  readonly onlyAuthorityCertificates: boolean
  readonly onlyAttributeCertificates: boolean
  /** Null: all. */
  readonly onlySomeReasons: Reasons | null
  readonly indirect: boolean
  /** Its encoding: two lists of one scope have the same. */
  readonly encoding: string
}

/** A list but for its entries (RFC 5280 §5.1). Read, not believed: nothing in it has been verified. */
export interface CrlHead {
  readonly version: 1 | 2
  readonly issuer: Name
  /** Milliseconds since 1970. */
  readonly thisUpdate: number
  /** Null: not stated, which the profile does not allow (§5.1.2.5). */
  readonly nextUpdate: number | null
  readonly number: bigint | null
  /** Of the complete list that it adds to; null: it is complete itself. */
  readonly baseNumber: bigint | null
  readonly scope: IssuingDistributionPoint | null
  /** Hexadecimal. */
  readonly authorityKeyIdentifier: string | null
  /** A critical extension that is not known: nothing may be concluded from the list (§5.2). */
  readonly hasUnknownCritical: boolean
  readonly signatureAlgorithm: SignatureAlgorithm
  /** Where the signed bytes, and in them the entries, stand. */
  readonly tbs: { readonly start: number; readonly end: number }
  readonly entries: { readonly start: number; readonly end: number }
  readonly signature: Uint8Array
}

const extensionTypes = {
  crlNumber: '2.5.29.20',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  authorityKeyIdentifier: '2.5.29.35',
  freshestCrl: '2.5.29.46',
} as const

/** Everything but the entries is small. */
const limits: DerLimits = { maxBytes: 65_536, maxDepth: 24, maxNodes: 4_096, maxOidBytes: 128 }

/** @throws DerError for whatever is not exactly one CertificateList */
export function parseCrlHead(der: Uint8Array): CrlHead {
  const outer = tlvAt(der, 0, der.length)
  if (outer.identifier !== tags.sequence || outer.end !== der.length)
    throw new DerError('a list that is not one SEQUENCE')
  const tbs = tlvAt(der, outer.contentStart, outer.end)
  if (tbs.identifier !== tags.sequence) throw new DerError('a list without its signed part')
  const algorithm = small(der, tlvAt(der, tbs.end, outer.end))
  const signature = small(der, tlvAt(der, tbs.end + algorithm.bytes.length, outer.end))
  if (signature.identifier !== tags.bitString) throw new DerError('a list without a signature')
  if (tbs.end + algorithm.bytes.length + signature.bytes.length !== outer.end)
    throw new DerError('a list that holds more than it may')
  const fields = readTbs(der, tbs)
  if (Buffer.compare(fields.algorithm.bytes, algorithm.bytes) !== 0)
    throw new DerError('the two signature algorithms of the list differ')
  const { version, issuer, thisUpdate, nextUpdate, entries, extensions } = fields
  return {
    ...{ version, issuer, thisUpdate, nextUpdate, entries },
    ...readExtensions(extensions, version),
    signatureAlgorithm: readSignatureAlgorithm(algorithm),
    tbs: { start: tbs.start, end: tbs.end },
    signature: bitStringBytesOf(signature),
  }
}

function small(der: Uint8Array, { start, end }: Tlv): DerValue {
  return readDer(der.slice(start, end), limits)
}

interface TbsFields {
  readonly version: 1 | 2
  readonly algorithm: DerValue
  readonly issuer: Name
  readonly thisUpdate: number
  readonly nextUpdate: number | null
  readonly entries: { readonly start: number; readonly end: number }
  readonly extensions: DerValue | null
}

/** Walks the fields of TBSCertList in their order; the entries are stepped over. */
function readTbs(der: Uint8Array, tbs: Tlv): TbsFields {
  const walk = new FieldWalk(der, tbs)
  const version = walk.optional(tags.integer)
  if (version !== null && (version.content.length !== 1 || version.content[0] !== 1))
    throw new DerError('a version that a list does not have')
  const algorithm = walk.required(tags.sequence, 'the signature algorithm of the list')
  const issuer = readName(walk.required(tags.sequence, 'the issuer of the list'), 'the issuer of the list')
  if (issuer.rdns.length === 0) throw new DerError('a list without an issuer')
  const thisUpdate = readTime(walk.time(), 'thisUpdate')
  const nextUpdate = walk.time()
  const entries = walk.range(tags.sequence)
  const extensions = walk.optional(contextConstructed(0))
  walk.end()
  // §5.1.2.6: where no certificate is revoked the list of them is absent.
  if (entries !== null && entries.start === entries.end)
    throw new DerError('an empty list of revoked certificates')
  return {
    version: version === null ? 1 : 2,
    ...{ algorithm, issuer, thisUpdate, extensions },
    nextUpdate: nextUpdate === null ? null : readTime(nextUpdate, 'nextUpdate'),
    entries: entries ?? { start: tbs.end, end: tbs.end },
  }
}

class FieldWalk {
  readonly #der: Uint8Array
  readonly #limit: number
  #at: number

  constructor(der: Uint8Array, { contentStart, end }: Tlv) {
    this.#der = der
    this.#at = contentStart
    this.#limit = end
  }

  optional(identifier: number): DerValue | null {
    const next = this.#next()
    if (next?.identifier !== identifier) return null
    this.#at = next.end
    return small(this.#der, next)
  }

  required(identifier: number, what: string): DerValue {
    const value = this.optional(identifier)
    if (value === null) throw new DerError(`${what} is missing or of another type`)
    return value
  }

  time(): DerValue | null {
    return this.optional(tags.utcTime) ?? this.optional(tags.generalizedTime)
  }

  range(identifier: number): { start: number; end: number } | null {
    const next = this.#next()
    if (next?.identifier !== identifier) return null
    this.#at = next.end
    return { start: next.contentStart, end: next.end }
  }

  end(): void {
    if (this.#at !== this.#limit) throw new DerError('the signed part of a list that holds more than it may')
  }

  #next(): Tlv | null {
    return this.#at < this.#limit ? tlvAt(this.#der, this.#at, this.#limit) : null
  }
}

type ListExtensions = Pick<
  CrlHead,
  'number' | 'baseNumber' | 'scope' | 'authorityKeyIdentifier' | 'hasUnknownCritical'
>

function readExtensions(tagged: DerValue | null, version: 1 | 2): ListExtensions {
  const none: ListExtensions = {
    number: null,
    baseNumber: null,
    scope: null,
    authorityKeyIdentifier: null,
    hasUnknownCritical: false,
  }
  if (tagged === null) return none
  if (version === 1) throw new DerError('extensions in a list of version 1')
  const [list, ...more] = tagged.children
  if (list?.identifier !== tags.sequence || more.length > 0 || list.children.length === 0) {
    throw new DerError('extensions of a list that are not one sequence')
  }
  const seen = new Set<string>()
  let found = none
  for (const child of list.children) {
    const reader = new DerReader(child, tags.sequence, 'an extension of the list')
    const type = objectIdentifierOf(reader.take(tags.objectIdentifier, 'the type of an extension'))
    const critical = reader.takeOptional(tags.boolean)
    if (critical?.content[0] === 0) throw new DerError('an extension whose default is written out')
    const { content } = reader.take(tags.octetString, 'the value of an extension')
    reader.end()
    if (seen.has(type)) throw new DerError(`the extension ${type} twice`)
    seen.add(type)
    found = { ...found, ...readExtension(type, content, critical !== null) }
  }
  return found
}

function readExtension(type: string, content: Uint8Array, critical: boolean): Partial<ListExtensions> {
  switch (type) {
    case extensionTypes.crlNumber:
      return { number: readNumber(content) }
    case extensionTypes.deltaCrlIndicator:
      return { baseNumber: readNumber(content) }
    case extensionTypes.issuingDistributionPoint:
      return { scope: readIssuingDistributionPoint(content) }
    case extensionTypes.authorityKeyIdentifier:
      return { authorityKeyIdentifier: readAuthorityKeyIdentifier(content) }
    default:
      return critical && type !== extensionTypes.freshestCrl ? { hasUnknownCritical: true } : {}
  }
}

/** §5.2.3: at most 20 octets. */
function readNumber(content: Uint8Array): bigint {
  const value = readDer(content, limits)
  const [first] = value.content
  if (
    value.identifier !== tags.integer ||
    value.content.length > 21 ||
    first === undefined ||
    first >= 0x80
  ) {
    throw new DerError('a list number that is none')
  }
  return BigInt(`0x${Buffer.from(value.content).toString('hex')}`)
}

function readIssuingDistributionPoint(content: Uint8Array): IssuingDistributionPoint {
  const reader = new DerReader(readDer(content, limits), tags.sequence, 'the issuing distribution point')
  const name = reader.takeOptional(contextConstructed(0))
  const [user, authority] = [1, 2].map((number) => readFlag(reader.takeOptional(contextPrimitive(number))))
  const reasons = reader.takeOptional(contextPrimitive(3))
  const [indirect, attribute] = [4, 5].map((number) =>
    readFlag(reader.takeOptional(contextPrimitive(number))),
  )
  reader.end()
  if ([user, authority, attribute].filter(Boolean).length > 1)
    throw new DerError('a list that is only for two kinds of certificates')
  return {
    name: name === null ? null : readDistributionPointName(name),
    onlyUserCertificates: user ?? false,
    onlyAuthorityCertificates: authority ?? false,
    onlyAttributeCertificates: attribute ?? false,
    onlySomeReasons: reasons === null ? null : readReasons(reasons),
    indirect: indirect ?? false,
    encoding: Buffer.from(content).toString('base64'),
  }
}

/** `BOOLEAN DEFAULT FALSE`: DER writes it where it is true only. */
function readFlag(value: DerValue | null): boolean {
  if (value === null) return false
  if (value.content.length !== 1 || value.content[0] !== 0xff)
    throw new DerError('a flag that is neither written TRUE nor left out')
  return true
}
