import type { KeyObject } from 'node:crypto'
import { constants, sign as signCallback } from 'node:crypto'
import { hashTypes, mgf1, signatureTypes } from '../x509/object-identifiers.js'
import { contextConstructed, integer, nullValue, objectIdentifier, sequence } from './der-writer.js'

/** SHA-256 unless said otherwise. MD5 to SHA-224 are here so that refusing them can be tested. */
export type SignatureHash = 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'

export interface SignatureOptions {
  readonly hash?: SignatureHash
  /** RSASSA-PSS (RFC 4055 §3.1); a key of type rsa-pss signs so in any case. */
  readonly pss?: { readonly saltLength?: number; readonly mgfHash?: SignatureHash }
}

export interface Signer {
  /** DER of the AlgorithmIdentifier. */
  readonly algorithm: Uint8Array
  sign(message: Uint8Array): Promise<Uint8Array>
}

const rsaSignatures = {
  md5: signatureTypes.md5WithRsa,
  sha1: signatureTypes.sha1WithRsa,
  sha224: signatureTypes.sha224WithRsa,
  sha256: signatureTypes.sha256WithRsa,
  sha384: signatureTypes.sha384WithRsa,
  sha512: signatureTypes.sha512WithRsa,
} as const

const ecdsaSignatures = {
  sha1: signatureTypes.ecdsaWithSha1,
  sha224: signatureTypes.ecdsaWithSha224,
  sha256: signatureTypes.ecdsaWithSha256,
  sha384: signatureTypes.ecdsaWithSha384,
  sha512: signatureTypes.ecdsaWithSha512,
} as const

const digestBytes = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const

/** @throws TypeError where the key and the options do not go together. */
export function signerFor(privateKey: KeyObject, options: SignatureOptions = {}): Signer {
  const hash = options.hash ?? 'sha256'
  switch (privateKey.asymmetricKeyType) {
    case 'rsa':
      return options.pss === undefined
        ? rsaSigner(privateKey, hash)
        : pssSigner(privateKey, hash, options.pss)
    case 'rsa-pss':
      return pssSigner(privateKey, hash, options.pss ?? {})
    case 'ec':
      return ecdsaSigner(privateKey, hash)
    case 'ed25519':
      return edwardsSigner(privateKey, signatureTypes.ed25519)
    case 'ed448':
      return edwardsSigner(privateKey, signatureTypes.ed448)
    default:
      throw new TypeError(`a key of type ${String(privateKey.asymmetricKeyType)} cannot sign certificates`)
  }
}

function rsaSigner(key: KeyObject, hash: SignatureHash): Signer {
  const algorithm = sequence(objectIdentifier(rsaSignatures[hash]), nullValue())
  return { algorithm, sign: (message) => sign(hash, message, { key, padding: constants.RSA_PKCS1_PADDING }) }
}

function pssSigner(key: KeyObject, hash: SignatureHash, pss: NonNullable<SignatureOptions['pss']>): Signer {
  const saltLength = pss.saltLength ?? digestBytes[hash]
  const hashAlgorithm = sequence(objectIdentifier(hashTypes[hash]), nullValue())
  const mgfHash = sequence(objectIdentifier(hashTypes[pss.mgfHash ?? hash]), nullValue())
  const parameters = sequence(
    contextConstructed(0, hashAlgorithm),
    contextConstructed(1, sequence(objectIdentifier(mgf1), mgfHash)),
    contextConstructed(2, integer(saltLength)),
  )
  const algorithm = sequence(objectIdentifier(signatureTypes.rsassaPss), parameters)
  const padding = constants.RSA_PKCS1_PSS_PADDING
  return { algorithm, sign: (message) => sign(hash, message, { key, padding, saltLength }) }
}

function ecdsaSigner(key: KeyObject, hash: SignatureHash): Signer {
  if (hash === 'md5') throw new TypeError('there is no ECDSA with MD5')
  return {
    algorithm: sequence(objectIdentifier(ecdsaSignatures[hash])),
    sign: (message) => sign(hash, message, { key, dsaEncoding: 'der' }),
  }
}

function edwardsSigner(key: KeyObject, type: string): Signer {
  return { algorithm: sequence(objectIdentifier(type)), sign: (message) => sign(null, message, { key }) }
}

type SignKey = { key: KeyObject; padding?: number; saltLength?: number; dsaEncoding?: 'der' }

function sign(hash: SignatureHash | null, message: Uint8Array, key: SignKey): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    signCallback(hash, message, key, (error, signature) => {
      if (error === null) resolve(signature)
      else reject(error)
    })
  })
}
