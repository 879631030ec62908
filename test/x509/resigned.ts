import { bitString, sequence } from '../../src/pki/der-writer.js'
import type { Issuer } from '../../src/pki/issue.js'
import { signerFor } from '../../src/pki/signing.js'
import { configuredLimits } from '../../src/x509/certificate.js'
import { readDer } from '../../src/x509/der.js'

/** The fields of a version 3 TBSCertificate, in their order (RFC 5280 §4.1), each a whole DER value. */
export type TbsFields = [
  version: Uint8Array,
  serialNumber: Uint8Array,
  signature: Uint8Array,
  issuer: Uint8Array,
  validity: Uint8Array,
  subject: Uint8Array,
  publicKey: Uint8Array,
  ...rest: Uint8Array[],
]

/** A certificate with its fields changed, and signed by the issuer as if it had meant that. */
export async function resigned(
  der: Uint8Array,
  issuer: Issuer,
  change: (fields: TbsFields) => readonly Uint8Array[],
): Promise<Uint8Array> {
  const [tbs] = readDer(der, configuredLimits).children
  const [version, serialNumber, signature, name, validity, subject, publicKey, ...rest] = (
    tbs?.children ?? []
  ).map(({ bytes }) => bytes)
  if (!version || !serialNumber || !signature || !name || !validity || !subject || !publicKey) {
    throw new TypeError('a certificate without all of its fields')
  }
  return signedTbs(
    sequence(...change([version, serialNumber, signature, name, validity, subject, publicKey, ...rest])),
    issuer,
  )
}

/** A certificate of this signed part, whatever it is. */
export async function signedTbs(tbs: Uint8Array, issuer: Issuer): Promise<Uint8Array> {
  const signer = signerFor(issuer.privateKey)
  return sequence(tbs, signer.algorithm, bitString(await signer.sign(tbs)))
}
