import { createHash } from 'node:crypto'

/** What names a certificate to a responder, as octets of the certificates themselves. */
export interface RequestedCertificate {
  /** DER of the issuer's subject name. */
  readonly issuerName: Uint8Array
  /** The octets of the issuer's subjectPublicKey BIT STRING, without tag, length and unused bits. */
  readonly issuerKey: Uint8Array
  /** The content octets of the serial number's INTEGER. */
  readonly serial: Uint8Array
}

const sha1 = Buffer.from('300906052b0e03021a0500', 'hex')
const nonceType = Buffer.from('06092b0601050507300102', 'hex')

/**
 * An unsigned OCSPRequest for one certificate (RFC 6960 §4.1) with a nonce (RFC 8954: 1 to 32 octets).
 * The CertID is by SHA-1, the only hash that every responder knows (RFC 5019 §2.1.1); it identifies, it protects nothing.
 */
export function encodeOcspRequest(certificate: RequestedCertificate, nonce: Uint8Array): Uint8Array {
  const hash = (octets: Uint8Array) => encode(0x04, createHash('sha1').update(octets).digest())
  const { issuerName, issuerKey, serial } = certificate
  const certId = encode(0x30, sha1, hash(issuerName), hash(issuerKey), encode(0x02, serial))
  const nonceExtension = encode(0x30, nonceType, encode(0x04, encode(0x04, nonce)))
  const requestList = encode(0x30, encode(0x30, certId))
  return encode(0x30, encode(0x30, requestList, encode(0xa2, encode(0x30, nonceExtension))))
}

function encode(identifier: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([identifier, ...head]), content])
}
