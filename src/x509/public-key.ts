import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import type { AlgorithmIdentifier } from './algorithm-identifier.js'
import { readAlgorithmIdentifier } from './algorithm-identifier.js'
import type { DerLimits, DerValue } from './der.js'
import { DerError, readDer } from './der.js'
import { bitStringBytesOf, DerReader, objectIdentifierOf, smallNumberOf, tags } from './der-values.js'
import { keyTypes, namedCurves } from './object-identifiers.js'

export type NamedCurve = keyof typeof namedCurves

/** A subject public key of a kind that mattergate verifies with, or `unlisted`: it verifies nothing. */
export type PublicKey =
  | { readonly kind: 'rsa' | 'rsa-pss'; readonly bits: number; readonly key: KeyObject }
  | { readonly kind: 'ec'; readonly curve: NamedCurve; readonly key: KeyObject }
  | { readonly kind: 'ed25519'; readonly key: KeyObject }
  | { readonly kind: 'unlisted'; readonly why: string }

/**
 * Reads a subjectPublicKeyInfo (RFC 3279 §2.3, RFC 4055 §1.2, RFC 5480 §2, RFC 8410 §4). Curves count by
 * the name of a listed curve only, never by parameters; points are uncompressed.
 *
 * @throws DerError for a listed kind of key that cannot be read.
 */
export function readPublicKey(info: DerValue, limits: DerLimits): PublicKey {
  const reader = new DerReader(info, tags.sequence, 'the public key')
  const algorithm = readAlgorithmIdentifier(
    reader.take(tags.sequence, 'the algorithm of the public key'),
    'the public key',
  )
  const octets = bitStringBytesOf(reader.take(tags.bitString, 'the public key'))
  reader.end()
  switch (algorithm.type) {
    case keyTypes.rsaEncryption:
      if (algorithm.parameters?.identifier !== tags.null)
        throw new DerError('an RSA key without its NULL parameters')
      return readRsaKey('rsa', info, octets, limits)
    case keyTypes.rsassaPss:
      return readRsaKey('rsa-pss', info, octets, limits)
    case keyTypes.ecPublicKey:
      return readEcKey(algorithm, info, octets)
    case keyTypes.ed25519:
      if (algorithm.parameters !== null) throw new DerError('an Ed25519 key with parameters')
      return { kind: 'ed25519', key: keyObject(info) }
    default:
      return { kind: 'unlisted', why: `key algorithm ${algorithm.type}` }
  }
}

/** RSAPublicKey (RFC 8017 §A.1.1), read by ourselves before OpenSSL sees it: sizes bound its work. */
function readRsaKey(
  kind: 'rsa' | 'rsa-pss',
  info: DerValue,
  octets: Uint8Array,
  limits: DerLimits,
): PublicKey {
  const reader = new DerReader(readDer(octets, limits), tags.sequence, 'the RSA key')
  const modulus = reader.take(tags.integer, 'the RSA modulus').content
  const exponent = smallNumberOf(reader.take(tags.integer, 'the RSA exponent'))
  reader.end()
  const first = modulus[0] ?? 0
  if (first >= 0x80) throw new DerError('a negative RSA modulus')
  const significant = first === 0 ? modulus.subarray(1) : modulus
  const bits = significant.length * 8 - Math.clz32(significant[0] ?? 0) + 24
  if (exponent === null || exponent < 3 || exponent % 2 === 0) {
    return { kind: 'unlisted', why: 'an RSA exponent that is even, below 3 or above 48 bits' }
  }
  if (bits > largestRsaBits) return { kind: 'unlisted', why: `an RSA key of ${bits} bits` }
  if ((modulus[modulus.length - 1] ?? 0) % 2 === 0) return { kind: 'unlisted', why: 'an even RSA modulus' }
  return { kind, bits, key: keyObject(info) }
}

/** Beyond this not even an anchor's key is taken: verifying would become a burden. */
const largestRsaBits = 8192

const curveByType = new Map<string, NamedCurve>([
  [namedCurves['P-256'], 'P-256'],
  [namedCurves['P-384'], 'P-384'],
  [namedCurves['P-521'], 'P-521'],
])

const coordinateBytes = { 'P-256': 32, 'P-384': 48, 'P-521': 66 } as const

function readEcKey({ parameters }: AlgorithmIdentifier, info: DerValue, point: Uint8Array): PublicKey {
  if (parameters?.identifier !== tags.objectIdentifier) {
    return { kind: 'unlisted', why: 'a curve that is not given by its name' }
  }
  const type = objectIdentifierOf(parameters)
  const curve = curveByType.get(type)
  if (curve === undefined) return { kind: 'unlisted', why: `curve ${type}` }
  if (point[0] === 0x02 || point[0] === 0x03) return { kind: 'unlisted', why: 'a compressed point' }
  if (point[0] !== 0x04 || point.length !== 1 + 2 * coordinateBytes[curve]) {
    throw new DerError(`a point that is not one of ${curve}`)
  }
  return { kind: 'ec', curve, key: keyObject(info) }
}

/** OpenSSL checks what is left: that a point lies on its curve, the form of PSS parameters. */
function keyObject(info: DerValue): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(info.bytes), format: 'der', type: 'spki' })
  } catch (cause) {
    if (cause instanceof Error) throw new DerError('a public key that OpenSSL cannot read')
    throw cause
  }
}

/** For people: `RSA 2048`, `P-256`, … */
export function describePublicKey(key: PublicKey): string {
  switch (key.kind) {
    case 'rsa':
      return `RSA ${key.bits}`
    case 'rsa-pss':
      return `RSA-PSS ${key.bits}`
    case 'ec':
      return key.curve
    case 'ed25519':
      return 'Ed25519'
    case 'unlisted':
      return key.why
  }
}
