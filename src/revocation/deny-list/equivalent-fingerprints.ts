import { createHash } from 'node:crypto'
import { DerError, type DerLimits, type DerValue, readDer } from '../../x509/der.js'
import { bitStringBytesOf, DerReader, tags } from '../../x509/der-values.js'

/** Orders of the accepted curves' base points (FIPS 186-5, SP 800-186 §3.2.1). */
const orders = [
  0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
]

const limits: DerLimits = { maxBytes: 65_536, maxDepth: 24, maxNodes: 4_096, maxOidBytes: 128 }

/**
 * SHA-256 of the same certificate with its other ECDSA signature, lower-case hexadecimal: whoever verifies
 * (r, s) verifies (r, n − s), and anybody can make the one of the other. The issuer's curve is not known
 * here, so there is one hash for each curve; of a certificate that was signed otherwise there is none.
 */
export function equivalentFingerprints(der: Uint8Array): readonly string[] {
  const parts = ecdsaParts(der)
  if (parts === null) return []
  const { tbs, algorithm, r, s } = parts
  return orders
    .filter((order) => s < order)
    .map((order) => {
      const signature = tlv(tags.sequence, [r.bytes, integer(order - s)])
      const bits = tlv(tags.bitString, [Uint8Array.of(0), signature])
      return createHash('sha256')
        .update(tlv(tags.sequence, [tbs.bytes, algorithm.bytes, bits]))
        .digest('hex')
    })
}

interface EcdsaParts {
  readonly tbs: DerValue
  readonly algorithm: DerValue
  readonly r: DerValue
  readonly s: bigint
}

/** Null where the signature is not of the form of ECDSA (RFC 5480 §2.2.3 by way of RFC 3279). */
function ecdsaParts(der: Uint8Array): EcdsaParts | null {
  try {
    const certificate = new DerReader(readDer(der, limits), tags.sequence, 'the certificate')
    const tbs = certificate.take(tags.sequence, 'the signed part')
    const algorithm = certificate.take(tags.sequence, 'the signature algorithm')
    const bits = bitStringBytesOf(certificate.take(tags.bitString, 'the signature'))
    const signature = new DerReader(readDer(bits, limits), tags.sequence, 'the signature')
    const r = signature.take(tags.integer, 'r')
    const s = signature.take(tags.integer, 's')
    signature.end()
    return { tbs, algorithm, r, s: BigInt(`0x${Buffer.from(s.content).toString('hex')}`) }
  } catch (error) {
    if (error instanceof DerError) return null
    throw error
  }
}

function integer(value: bigint): Uint8Array {
  const hex = value.toString(16)
  const octets = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  // A first bit of one would be a minus.
  const sign = (octets[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : new Uint8Array()
  return tlv(tags.integer, [sign, octets])
}

function tlv(tag: number, contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents)
  return Buffer.concat([Uint8Array.of(tag), lengthOctets(content.length), content])
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return Uint8Array.of(0x80 | octets.length, ...octets)
}
