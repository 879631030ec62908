import { isAbsentOrNull, readAlgorithmIdentifier } from '../../x509/algorithm-identifier.js'
import { DerError, type DerLimits, type DerValue, readDer } from '../../x509/der.js'
import {
  bitStringBytesOf,
  contextConstructed,
  contextPrimitive,
  DerReader,
  objectIdentifierOf,
  smallNumberOf,
  tags,
} from '../../x509/der-values.js'
import { readExtensions } from '../../x509/extensions.js'
import { type Name, readName } from '../../x509/name.js'
import { readSignatureAlgorithm, type SignatureAlgorithm } from '../../x509/signature-algorithm.js'
import { readTime } from '../../x509/validity.js'

/** CertID (RFC 6960 §4.1.1): hashes by the named algorithm, lower-case hexadecimal. */
export interface CertificateId {
  /** Dotted OID. */
  readonly hash: string
  readonly issuerName: string
  readonly issuerKey: string
  readonly serial: string
}

/** SingleResponse (§4.2.1). */
export interface SingleResponse {
  readonly id: CertificateId
  readonly status: 'good' | 'revoked' | 'unknown'
  /** Milliseconds since 1970; null unless revoked. */
  readonly revokedAt: number | null
  readonly thisUpdate: number
  /** Null: newer information is there at any time (§4.2.2.1). */
  readonly nextUpdate: number | null
  readonly hasUnknownCritical: boolean
}

export type ResponderId = { readonly name: Name } | { readonly keyHash: string }

/** BasicOCSPResponse. Read, not believed: nothing in it has been verified. */
export interface OcspResponse {
  readonly responder: ResponderId
  readonly producedAt: number
  readonly responses: readonly SingleResponse[]
  /** Hexadecimal; null: the responder sent none back. */
  readonly nonce: string | null
  readonly hasUnknownCritical: boolean
  readonly signatureAlgorithm: SignatureAlgorithm
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
  /** DER, in the order sent. */
  readonly certificates: readonly Uint8Array[]
}

/** What is not a success is a name of §4.2.1; it is not signed, and says nothing of a certificate. */
export type OcspAnswer = { readonly response: OcspResponse } | { readonly failure: string }

const ocspLimits: DerLimits = { maxBytes: 65_536, maxDepth: 24, maxNodes: 8_192, maxOidBytes: 128 }

const basicResponse = '1.3.6.1.5.5.7.48.1.1'
const nonceType = '1.3.6.1.5.5.7.48.1.2'
const enumerated = 0x0a

const statusNames = new Map([
  [1, 'malformedRequest'],
  [2, 'internalError'],
  [3, 'tryLater'],
  [5, 'sigRequired'],
  [6, 'unauthorized'],
])

/** @throws DerError for whatever is not exactly one OCSPResponse */
export function parseOcspAnswer(der: Uint8Array): OcspAnswer {
  const reader = new DerReader(readDer(der, ocspLimits), tags.sequence, 'the OCSP answer')
  const [status, ...more] = reader.take(enumerated, 'the status of the OCSP answer').content
  const tagged = reader.takeOptional(contextConstructed(0))
  reader.end()
  if (status === undefined || more.length > 0) throw new DerError('a status of an OCSP answer that is none')
  if (status !== 0) {
    const name = statusNames.get(status)
    if (name === undefined || tagged !== null) throw new DerError('an OCSP answer of no known status')
    return { failure: name }
  }
  const bytes = new DerReader(onlyChild(tagged, 'the OCSP response'), tags.sequence, 'the OCSP response')
  const type = objectIdentifierOf(bytes.take(tags.objectIdentifier, 'the type of the OCSP response'))
  const { content } = bytes.take(tags.octetString, 'the OCSP response')
  bytes.end()
  if (type !== basicResponse) throw new DerError('an OCSP response of another type than basic')
  return { response: readBasic(content) }
}

function onlyChild(tagged: DerValue | null, what: string): DerValue {
  const [value, ...more] = tagged?.children ?? []
  if (value === undefined || more.length > 0) throw new DerError(`${what} is missing, or more than one`)
  return value
}

function readBasic(content: Uint8Array): OcspResponse {
  const reader = new DerReader(readDer(content, ocspLimits), tags.sequence, 'the basic response')
  const tbs = reader.take(tags.sequence, 'the signed part of the response')
  const algorithm = reader.take(tags.sequence, 'the signature algorithm of the response')
  const signature = bitStringBytesOf(reader.take(tags.bitString, 'the signature of the response'))
  const certificates = reader.takeOptional(contextConstructed(0))
  reader.end()
  return {
    ...readResponseData(tbs),
    signatureAlgorithm: readSignatureAlgorithm(algorithm),
    tbs: tbs.bytes,
    signature,
    certificates:
      certificates === null
        ? []
        : certificatesOf(onlyChild(certificates, 'the certificates of the response')),
  }
}

function certificatesOf(list: DerValue): readonly Uint8Array[] {
  if (list.identifier !== tags.sequence) throw new DerError('certificates of another type')
  return list.children.map(({ bytes }) => bytes)
}

type ResponseData = Pick<
  OcspResponse,
  'responder' | 'producedAt' | 'responses' | 'nonce' | 'hasUnknownCritical'
>

function readResponseData(tbs: DerValue): ResponseData {
  const reader = new DerReader(tbs, tags.sequence, 'the signed part of the response')
  checkVersion(reader.takeOptional(contextConstructed(0)))
  const responder = readResponder(reader.takeAny())
  const producedAt = readMoment(reader.takeOptional(tags.generalizedTime), 'producedAt')
  const responses = reader.take(tags.sequence, 'the responses').children.map(readSingle)
  const extensions = readResponseExtensions(reader.takeOptional(contextConstructed(1)))
  reader.end()
  if (responses.length === 0) throw new DerError('an OCSP response without a response')
  return {
    responder,
    producedAt,
    responses,
    nonce: extensions.nonce,
    hasUnknownCritical: extensions.hasUnknownCritical,
  }
}

/** There is one version. DER leaves it out, being the default; responders that write it are common, and harm nobody. */
function checkVersion(tagged: DerValue | null): void {
  if (tagged === null) return
  const version = onlyChild(tagged, 'the version')
  if (version.identifier !== tags.integer || smallNumberOf(version) !== 0)
    throw new DerError('a version that an OCSP response does not have')
}

function readResponder(value: DerValue | null): ResponderId {
  if (value?.identifier === contextConstructed(1))
    return { name: readName(onlyChild(value, 'the responder'), 'the responder') }
  if (value?.identifier !== contextConstructed(2)) throw new DerError('a responder of no known form')
  const hash = onlyChild(value, 'the key of the responder')
  if (hash.identifier !== tags.octetString || hash.content.length !== 20)
    throw new DerError('a key hash of the responder that is none')
  return { keyHash: hex(hash.content) }
}

function readMoment(value: DerValue | null, what: string): number {
  if (value?.identifier !== tags.generalizedTime) throw new DerError(`${what} is missing or of another type`)
  return readTime(value, what)
}

function readSingle(value: DerValue): SingleResponse {
  const reader = new DerReader(value, tags.sequence, 'a response')
  const id = readId(reader.take(tags.sequence, 'the certificate of a response'))
  const status = readStatus(reader.takeAny())
  const thisUpdate = readMoment(reader.takeOptional(tags.generalizedTime), 'thisUpdate')
  const next = reader.takeOptional(contextConstructed(0))
  const { hasUnknownCritical } = readResponseExtensions(reader.takeOptional(contextConstructed(1)))
  reader.end()
  const nextUpdate = next === null ? null : readMoment(onlyChild(next, 'nextUpdate'), 'nextUpdate')
  return { id, ...status, thisUpdate, nextUpdate, hasUnknownCritical }
}

function readId(value: DerValue): CertificateId {
  const reader = new DerReader(value, tags.sequence, 'the certificate of a response')
  const hash = reader.take(tags.sequence, 'the hash of the certificate')
  const { type, parameters } = readAlgorithmIdentifier(hash, 'the hash of the certificate')
  const [name, key] = [0, 1].map(() => reader.take(tags.octetString, 'a hash of the issuer'))
  const serial = reader.take(tags.integer, 'the serial number')
  reader.end()
  if (!isAbsentOrNull(parameters)) throw new DerError('a hash algorithm that is none')
  return {
    hash: type,
    issuerName: hex(name?.content ?? new Uint8Array()),
    issuerKey: hex(key?.content ?? new Uint8Array()),
    serial: hex(serial.content),
  }
}

function readStatus(value: DerValue | null): Pick<SingleResponse, 'status' | 'revokedAt'> {
  if (value?.identifier === contextPrimitive(0) && value.content.length === 0)
    return { status: 'good', revokedAt: null }
  if (value?.identifier === contextPrimitive(2) && value.content.length === 0)
    return { status: 'unknown', revokedAt: null }
  if (value?.identifier !== contextConstructed(1))
    throw new DerError('a status of a certificate that is none')
  const reader = new DerReader(value, contextConstructed(1), 'a revocation')
  const revokedAt = readMoment(reader.takeOptional(tags.generalizedTime), 'the time of a revocation')
  const reason = reader.takeOptional(contextConstructed(0))
  reader.end()
  if (reason !== null && onlyChild(reason, 'a reason').identifier !== enumerated)
    throw new DerError('a reason that is none')
  return { status: 'revoked', revokedAt }
}

function readResponseExtensions(tagged: DerValue | null): {
  readonly nonce: string | null
  readonly hasUnknownCritical: boolean
} {
  if (tagged === null) return { nonce: null, hasUnknownCritical: false }
  const extensions = readExtensions(onlyChild(tagged, 'the extensions'))
  const nonce = extensions.get(nonceType)
  return {
    nonce: nonce === undefined ? null : readNonce(nonce.value),
    hasUnknownCritical: [...extensions].some(([type, { critical }]) => critical && type !== nonceType),
  }
}

/** RFC 8954 §2.1: an OCTET STRING; old responders send back what they got, in whatever form. */
function readNonce(content: Uint8Array): string {
  try {
    const value = readDer(content, ocspLimits)
    return hex(value.identifier === tags.octetString ? value.content : content)
  } catch (error) {
    if (error instanceof DerError) return hex(content)
    throw error
  }
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}
