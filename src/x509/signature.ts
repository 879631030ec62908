import type { KeyObject, VerifyKeyObjectInput } from 'node:crypto'
import { constants, verify } from 'node:crypto'
import type { PublicKey } from './public-key.js'
import type { SignatureAlgorithm } from './signature-algorithm.js'

/** `unlisted`: nothing was checked, as the algorithm or the key is none that we verify with. */
export type SignatureOutcome = 'good' | 'bad' | 'unlisted'

/**
 * Verifies a signature over the given bytes on node's thread pool. Algorithm, hash, salt length and curve
 * are those named by us (RFC 5280 §6.1.3(a)(1)): nothing is left to what OpenSSL would guess.
 */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  publicKey: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<SignatureOutcome> {
  if (algorithm.kind === 'unlisted' || publicKey.kind === 'unlisted') return Promise.resolve('unlisted')
  const hash = algorithm.kind === 'ed25519' ? null : algorithm.hash
  const key = verificationKey(algorithm, publicKey.kind, publicKey.key)
  if (key === null) return Promise.resolve('bad')
  return new Promise((resolve) => {
    // An error says that the signature has no form for this key: it is as bad as a wrong one.
    verify(hash, message, key, signature, (error, good) => resolve(error === null && good ? 'good' : 'bad'))
  })
}

/** Null where the key is not one for this algorithm: a key of type RSASSA-PSS never verifies PKCS #1 v1.5. */
function verificationKey(
  algorithm: Exclude<SignatureAlgorithm, { kind: 'unlisted' }>,
  keyKind: Exclude<PublicKey['kind'], 'unlisted'>,
  key: KeyObject,
): VerifyKeyObjectInput | null {
  switch (algorithm.kind) {
    case 'rsa-pkcs1':
      return keyKind === 'rsa' ? { key, padding: constants.RSA_PKCS1_PADDING } : null
    case 'rsa-pss': {
      const { saltLength } = algorithm
      const isRsa = keyKind === 'rsa' || keyKind === 'rsa-pss'
      return isRsa ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } : null
    }
    case 'ecdsa':
      return keyKind === 'ec' ? { key, dsaEncoding: 'der' } : null
    case 'ed25519':
      return keyKind === 'ed25519' ? { key } : null
  }
}
