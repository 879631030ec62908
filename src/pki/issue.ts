import type { KeyObject } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import { bitString, contextConstructed, integer, sequence, time } from './der-writer.js'
import type { ExtensionOptions } from './extensions.js'
import {
  authorityKeyIdentifier,
  basicConstraints,
  encodeExtension,
  keyUsage,
  subjectKeyIdentifier,
} from './extensions.js'
import type { KeyOptions, KeyPair } from './keys.js'
import { generateKeys, keyIdentifier, subjectPublicKeyInfo } from './keys.js'
import type { NameOptions } from './name.js'
import { encodeName } from './name.js'
import type { SignatureOptions } from './signing.js'
import { signerFor } from './signing.js'

/** Who signs: a certificate made here, or any name with its key. */
export interface Issuer {
  readonly subject: Uint8Array
  readonly privateKey: KeyObject
  /** Goes into the authority key identifier; null: that extension is left out. */
  readonly keyIdentifier: Uint8Array | null
}

export interface CertificateOptions {
  readonly subject: NameOptions
  readonly notBefore: Date
  readonly notAfter: Date
  /** Absent: self-signed. */
  readonly issuer?: Issuer
  /** A key pair, or what to generate; by default P-256. */
  readonly key?: KeyPair | KeyOptions
  /** Two's complement as hexadecimal; by default 20 random octets, positive. */
  readonly serial?: string
  /** Version 1 has no extensions. By default 3. */
  readonly version?: 1 | 3
  readonly signature?: SignatureOptions
  /** Written in this order, after the key identifiers. */
  readonly extensions?: readonly ExtensionOptions[]
  /** False: the subject and authority key identifiers are left out. */
  readonly keyIdentifiers?: boolean
}

export interface IssuedCertificate extends Issuer {
  readonly der: Uint8Array
  readonly pem: string
  readonly publicKey: KeyObject
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string
  /** As it was encoded: hexadecimal, two's complement. */
  readonly serial: string
  readonly notBefore: Date
  readonly notAfter: Date
  readonly keyIdentifier: Uint8Array
}

/**
 * Makes and signs a certificate (RFC 5280 §4.1).
 *
 * @throws TypeError for an unknown attribute type, or a key and a signature that do not go together.
 */
export async function issueCertificate(options: CertificateOptions): Promise<IssuedCertificate> {
  const keys = await keysOf(options.key ?? { kind: 'ec', curve: 'P-256' })
  const subject = encodeName(options.subject)
  const identifier = keyIdentifier(keys.publicKey)
  const self: Issuer = { subject, privateKey: keys.privateKey, keyIdentifier: identifier }
  const issuer = options.issuer ?? self
  const serial = options.serial ?? randomSerial()
  const signer = signerFor(issuer.privateKey, options.signature)
  const version = options.version ?? 3
  const tbs = sequence(
    ...(version === 3 ? [contextConstructed(0, integer(2))] : []),
    integer(serial),
    signer.algorithm,
    issuer.subject,
    sequence(time(options.notBefore), time(options.notAfter)),
    subject,
    subjectPublicKeyInfo(keys.publicKey),
    ...(version === 3 ? extensionsField(options, identifier, issuer) : []),
  )
  const der = sequence(tbs, signer.algorithm, bitString(await signer.sign(tbs)))
  const { notBefore, notAfter } = options
  return {
    ...self,
    keyIdentifier: identifier,
    ...keyTexts(keys),
    der,
    pem: toPem(der),
    serial,
    notBefore,
    notAfter,
  }
}

/** A certification authority: basic constraints and key usage as RFC 5280 §4.2.1.3 and §4.2.1.9 ask for. */
export function createAuthority(
  options: CertificateOptions & { readonly pathLength?: number },
): Promise<IssuedCertificate> {
  const { pathLength, ...certificate } = options
  const constraints = { authority: true, ...(pathLength === undefined ? {} : { pathLength }) }
  const own = [basicConstraints(constraints), keyUsage(['keyCertSign', 'cRLSign'])]
  return issueCertificate({ ...certificate, extensions: [...own, ...(options.extensions ?? [])] })
}

async function keysOf(key: KeyPair | KeyOptions): Promise<KeyPair> {
  return 'kind' in key ? await generateKeys(key) : key
}

function extensionsField(
  options: CertificateOptions,
  identifier: Uint8Array,
  issuer: Issuer,
): readonly Uint8Array[] {
  const identifiers =
    options.keyIdentifiers === false
      ? []
      : [
          subjectKeyIdentifier(identifier),
          ...(issuer.keyIdentifier === null ? [] : [authorityKeyIdentifier(issuer.keyIdentifier)]),
        ]
  const all = [...identifiers, ...(options.extensions ?? [])]
  return all.length === 0 ? [] : [contextConstructed(3, sequence(...all.map(encodeExtension)))]
}

function keyTexts(keys: KeyPair): { publicKey: KeyObject; privateKeyPem: string } {
  const privateKeyPem = keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return { publicKey: keys.publicKey, privateKeyPem }
}

/** 159 bits of chance, positive, of 20 octets in any case (RFC 5280 §4.1.2.2). */
function randomSerial(): string {
  const octets = randomBytes(20)
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40
  return octets.toString('hex')
}

function toPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
