import { createHash } from 'node:crypto'
import { Refusal } from '../core/refusals.js'
import type { DerLimits, DerValue } from './der.js'
import { DerError, readDer } from './der.js'
import {
  bitStringBytesOf,
  contextConstructed,
  contextPrimitive,
  DerReader,
  smallNumberOf,
  tags,
} from './der-values.js'
import { formatDistinguishedName } from './distinguished-name-text.js'
import type { ExtensionFacts, Extensions } from './extensions.js'
import { readExtensionFacts, readExtensions } from './extensions.js'
import type { Name } from './name.js'
import { readName } from './name.js'
import type { PublicKey } from './public-key.js'
import { readPublicKey } from './public-key.js'
import { readSerial } from './serial.js'
import type { SignatureAlgorithm } from './signature-algorithm.js'
import { readSignatureAlgorithm } from './signature-algorithm.js'
import { signInNames } from './subject-alternative-names.js'
import { readValidity } from './validity.js'
import type { CertificateFacts } from './verified-certificate.js'

/** A certificate as plain facts. Read, not believed: nothing in it has been verified. */
export interface ParsedCertificate extends ExtensionFacts {
  readonly facts: CertificateFacts
  readonly version: 1 | 2 | 3
  /** Content octets, as lists of revoked certificates hold them. */
  readonly serialNumber: Uint8Array
  /** The names as they are encoded, and the octets of the public key: what an OCSP request hashes. */
  readonly encoded: {
    readonly subject: Uint8Array
    readonly issuer: Uint8Array
    readonly publicKey: Uint8Array
  }
  readonly subject: Name
  readonly issuer: Name
  readonly publicKey: PublicKey
  readonly extensions: Extensions
  readonly signatureAlgorithm: SignatureAlgorithm
  /** The bytes that are signed. */
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
}

/** For certificates as they are presented; `limits.certificateBytes` of the configuration bounds them too. */
export const presentedLimits: DerLimits = {
  maxBytes: 16_384,
  maxDepth: 24,
  maxNodes: 8_192,
  maxOidBytes: 128,
}

/** For certificates of the operator's own files. */
export const configuredLimits: DerLimits = { ...presentedLimits, maxBytes: 65_536 }

/** Reads a DER certificate (RFC 5280 §4.1); `certificate_malformed` for whatever is not exactly one. */
export function parseCertificate(der: Uint8Array, limits: DerLimits): ParsedCertificate | Refusal {
  try {
    return readCertificate(der, limits)
  } catch (cause) {
    if (cause instanceof DerError) return new Refusal('certificate_malformed', { detail: cause.message })
    throw cause
  }
}

function readCertificate(given: Uint8Array, limits: DerLimits): ParsedCertificate {
  if (given.length > limits.maxBytes) throw new DerError(`more than ${limits.maxBytes} bytes`)
  // A copy of its own: what is kept must neither change nor hold a larger buffer.
  const der = Uint8Array.from(given)
  const reader = new DerReader(readDer(der, limits), tags.sequence, 'the certificate')
  const tbs = reader.take(tags.sequence, 'the signed part of the certificate')
  const outerAlgorithm = reader.take(tags.sequence, 'the signature algorithm')
  const signature = bitStringBytesOf(reader.take(tags.bitString, 'the signature'))
  reader.end()
  const fields = readTbs(tbs)
  // RFC 5280 §4.1.1.2
  if (Buffer.compare(outerAlgorithm.bytes, fields.algorithm.bytes) !== 0) {
    throw new DerError('the two signature algorithms of the certificate differ')
  }
  const extensionFacts = readExtensionFacts(fields.extensions, limits)
  const subject = readName(fields.subject, 'the subject')
  const issuer = readName(fields.issuer, 'the issuer')
  if (issuer.rdns.length === 0) throw new DerError('the issuer is empty')
  return {
    ...extensionFacts,
    facts: {
      serial: readSerial(fields.serial),
      sha256: sha256(der),
      spkiSha256: sha256(fields.publicKey.bytes),
      subject: formatDistinguishedName(subject.rdns),
      issuer: formatDistinguishedName(issuer.rdns),
      subjectName: subject.rdns,
      alternativeNames: signInNames(extensionFacts.generalNames),
      ...readValidity(fields.validity),
    },
    version: fields.version,
    serialNumber: fields.serial.content,
    encoded: {
      subject: fields.subject.bytes,
      issuer: fields.issuer.bytes,
      publicKey: keyOctets(fields.publicKey),
    },
    subject,
    issuer,
    publicKey: readPublicKey(fields.publicKey, limits),
    extensions: fields.extensions,
    signatureAlgorithm: readSignatureAlgorithm(fields.algorithm),
    tbs: tbs.bytes,
    signature,
  }
}

interface TbsFields {
  readonly version: 1 | 2 | 3
  readonly serial: DerValue
  readonly algorithm: DerValue
  readonly issuer: DerValue
  readonly validity: DerValue
  readonly subject: DerValue
  readonly publicKey: DerValue
  readonly extensions: Extensions
}

/** TBSCertificate: unique identifiers from version 2 on, extensions in version 3 only (§4.1.2). */
function readTbs(tbs: DerValue): TbsFields {
  const reader = new DerReader(tbs, tags.sequence, 'the signed part of the certificate')
  const version = readVersion(reader.takeOptional(contextConstructed(0)))
  const fields = {
    version,
    serial: reader.take(tags.integer, 'the serial number'),
    algorithm: reader.take(tags.sequence, 'the signature algorithm'),
    issuer: reader.take(tags.sequence, 'the issuer'),
    validity: reader.take(tags.sequence, 'the validity'),
    subject: reader.take(tags.sequence, 'the subject'),
    publicKey: reader.take(tags.sequence, 'the public key'),
  }
  const identifiers = [reader.takeOptional(contextPrimitive(1)), reader.takeOptional(contextPrimitive(2))]
  const extensions = reader.takeOptional(contextConstructed(3))
  reader.end()
  if (version === 1 && identifiers.some((identifier) => identifier !== null)) {
    throw new DerError('unique identifiers in a version 1 certificate')
  }
  if (extensions === null) return { ...fields, extensions: new Map() }
  if (version !== 3) throw new DerError(`extensions in a version ${version} certificate`)
  const [inner, ...more] = extensions.children
  if (inner === undefined || more.length > 0) throw new DerError('extensions that are not one sequence')
  return { ...fields, extensions: readExtensions(inner) }
}

/** `[0] EXPLICIT INTEGER DEFAULT v1`: DER leaves the default out. */
function readVersion(tagged: DerValue | null): 1 | 2 | 3 {
  if (tagged === null) return 1
  const [version, ...more] = tagged.children
  const number = version?.identifier === tags.integer && more.length === 0 ? smallNumberOf(version) : null
  if (number === 1) return 2
  if (number === 2) return 3
  throw new DerError('a version that X.509 does not have')
}

/** The BIT STRING of a subjectPublicKeyInfo that was read before. */
function keyOctets({ children }: DerValue): Uint8Array {
  const [, key] = children
  return key === undefined ? new Uint8Array() : bitStringBytesOf(key)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
