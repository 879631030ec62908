import type { KeyObject } from 'node:crypto'
import { createHash, generateKeyPair as generateKeyPairCallback } from 'node:crypto'
import { promisify } from 'node:util'

const generate = promisify(generateKeyPairCallback)

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export type KeyOptions =
  | { readonly kind: 'rsa'; readonly bits: number }
  | { readonly kind: 'rsa-pss'; readonly bits: number }
  | { readonly kind: 'ec'; readonly curve: 'P-256' | 'P-384' | 'P-521' | 'secp256k1' }
  | { readonly kind: 'ed25519' }
  | { readonly kind: 'ed448' }

export async function generateKeys(options: KeyOptions): Promise<KeyPair> {
  switch (options.kind) {
    case 'rsa':
      return await generate('rsa', { modulusLength: options.bits })
    case 'rsa-pss':
      return await generate('rsa-pss', { modulusLength: options.bits })
    case 'ec':
      return await generate('ec', { namedCurve: options.curve })
    case 'ed25519':
      return await generate('ed25519')
    case 'ed448':
      return await generate('ed448')
  }
}

export function subjectPublicKeyInfo(publicKey: KeyObject): Uint8Array {
  return publicKey.export({ format: 'der', type: 'spki' })
}

/** 160 bits of the SHA-256 of the key, the first method of RFC 7093 §2. */
export function keyIdentifier(publicKey: KeyObject): Uint8Array {
  return createHash('sha256').update(subjectPublicKeyInfo(publicKey)).digest().subarray(0, 20)
}
