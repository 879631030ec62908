import { isAbsentOrNull, readAlgorithmIdentifier } from './algorithm-identifier.js'
import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { contextConstructed, DerReader, smallNumberOf, tags } from './der-values.js'
import { hashTypes, mgf1, signatureTypes } from './object-identifiers.js'

export type SignatureHash = 'sha256' | 'sha384' | 'sha512'

/** A signature algorithm that is accepted, or `unlisted`: what it signs is refused. */
export type SignatureAlgorithm =
  | { readonly kind: 'rsa-pkcs1'; readonly hash: SignatureHash }
  | { readonly kind: 'rsa-pss'; readonly hash: SignatureHash; readonly saltLength: number }
  | { readonly kind: 'ecdsa'; readonly hash: SignatureHash }
  | { readonly kind: 'ed25519' }
  | { readonly kind: 'unlisted'; readonly why: string }

const rsaHashes = new Map<string, SignatureHash>([
  [signatureTypes.sha256WithRsa, 'sha256'],
  [signatureTypes.sha384WithRsa, 'sha384'],
  [signatureTypes.sha512WithRsa, 'sha512'],
])

const ecdsaHashes = new Map<string, SignatureHash>([
  [signatureTypes.ecdsaWithSha256, 'sha256'],
  [signatureTypes.ecdsaWithSha384, 'sha384'],
  [signatureTypes.ecdsaWithSha512, 'sha512'],
])

const hashes = new Map<string, SignatureHash>([
  [hashTypes.sha256, 'sha256'],
  [hashTypes.sha384, 'sha384'],
  [hashTypes.sha512, 'sha512'],
])

/**
 * Reads the AlgorithmIdentifier of a signature. With RSA, NULL parameters may be left out (RFC 4055 §5);
 * with ECDSA and Ed25519 they have to be absent (RFC 5758 §3.2, RFC 8410 §3).
 *
 * @throws DerError
 */
export function readSignatureAlgorithm(value: DerValue): SignatureAlgorithm {
  const { type, parameters } = readAlgorithmIdentifier(value, 'the signature algorithm')
  const rsaHash = rsaHashes.get(type)
  if (rsaHash !== undefined && isAbsentOrNull(parameters)) return { kind: 'rsa-pkcs1', hash: rsaHash }
  const ecdsaHash = ecdsaHashes.get(type)
  if (ecdsaHash !== undefined && parameters === null) return { kind: 'ecdsa', hash: ecdsaHash }
  if (type === signatureTypes.ed25519 && parameters === null) return { kind: 'ed25519' }
  if (type === signatureTypes.rsassaPss && parameters !== null) return readPssParameters(parameters)
  return { kind: 'unlisted', why: `signature algorithm ${type}` }
}

/** RFC 4055 §3.1; what is left out stands for SHA-1, which is not accepted. */
function readPssParameters(parameters: DerValue): SignatureAlgorithm {
  const reader = new DerReader(parameters, tags.sequence, 'the RSASSA-PSS parameters')
  const hash = readHash(explicit(reader.takeOptional(contextConstructed(0))))
  const maskHash = readMaskHash(explicit(reader.takeOptional(contextConstructed(1))))
  const salt = explicit(reader.takeOptional(contextConstructed(2)))
  const trailer = explicit(reader.takeOptional(contextConstructed(3)))
  reader.end()
  const saltLength = salt?.identifier === tags.integer ? smallNumberOf(salt) : null
  const isTrailerOne =
    trailer === null || (trailer.identifier === tags.integer && smallNumberOf(trailer) === 1)
  if (hash === null || hash !== maskHash || !isTrailerOne) {
    return { kind: 'unlisted', why: 'RSASSA-PSS with other parameters than one SHA-2 hash throughout' }
  }
  if (saltLength === null || saltLength > maxSaltLength) {
    return { kind: 'unlisted', why: 'RSASSA-PSS with a salt length that is not accepted' }
  }
  return { kind: 'rsa-pss', hash, saltLength }
}

const maxSaltLength = 64

/** What an EXPLICIT tag holds: one value. */
function explicit(tagged: DerValue | null): DerValue | null {
  const value = tagged?.children[0]
  if (value === undefined) return null
  if (tagged?.children.length !== 1) throw new DerError('an EXPLICIT tag with more than one value')
  return value
}

function readHash(value: DerValue | null): SignatureHash | null {
  if (value === null) return null
  const { type, parameters } = readAlgorithmIdentifier(value, 'the hash of RSASSA-PSS')
  return isAbsentOrNull(parameters) ? (hashes.get(type) ?? null) : null
}

function readMaskHash(value: DerValue | null): SignatureHash | null {
  if (value === null) return null
  const { type, parameters } = readAlgorithmIdentifier(value, 'the mask generation of RSASSA-PSS')
  return type === mgf1 ? readHash(parameters) : null
}

/** For people: `RSA with SHA-256`, … */
export function describeSignatureAlgorithm(algorithm: SignatureAlgorithm): string {
  switch (algorithm.kind) {
    case 'rsa-pkcs1':
      return `RSA with ${hashNames[algorithm.hash]}`
    case 'rsa-pss':
      return `RSA-PSS with ${hashNames[algorithm.hash]}`
    case 'ecdsa':
      return `ECDSA with ${hashNames[algorithm.hash]}`
    case 'ed25519':
      return 'Ed25519'
    case 'unlisted':
      return algorithm.why
  }
}

const hashNames = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const
