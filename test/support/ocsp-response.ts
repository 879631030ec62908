import { createHash } from 'node:crypto'
import { Refusal } from '../../src/core/refusals.js'
import {
  bitString,
  contextConstructed,
  contextPrimitive,
  encode,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
} from '../../src/pki/der-writer.js'
import { type ExtensionOptions, encodeExtension } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { type SignatureOptions, signerFor } from '../../src/pki/signing.js'
import { configuredLimits, type ParsedCertificate, parseCertificate } from '../../src/x509/certificate.js'
import { hashTypes } from '../../src/x509/object-identifiers.js'

const hourMs = 3_600_000

export interface SingleOptions {
  readonly of: IssuedCertificate
  readonly issuer: IssuedCertificate
  readonly hash?: 'sha1' | 'sha256' | 'sha384' | 'sha512'
  readonly status?: 'good' | 'revoked' | 'unknown'
  /** Milliseconds since 1970; by default an hour ago. */
  readonly thisUpdate?: number
  /** By default in an hour; null: left out. */
  readonly nextUpdate?: number | null
  readonly extensions?: readonly ExtensionOptions[]
  /** In place of the right octets: what is hashed. */
  readonly issuerName?: Uint8Array
  readonly issuerKey?: Uint8Array
  /** In place of the certificate's: two's complement as hexadecimal. */
  readonly serial?: string
}

export interface ResponseOptions {
  readonly atMs: number
  readonly signer: IssuedCertificate
  readonly singles: readonly SingleOptions[]
  readonly responder?: 'name' | 'key'
  readonly certificates?: readonly IssuedCertificate[]
  readonly producedAt?: number
  readonly nonce?: Uint8Array
  readonly extensions?: readonly ExtensionOptions[]
  readonly signature?: SignatureOptions
  /** Written out, as DER asks not to. */
  readonly version?: number
}

/** DER of a response of status successful (RFC 6960 §4.2.1). */
export async function makeResponse(options: ResponseOptions): Promise<Uint8Array> {
  const { atMs, signer: by, singles, certificates = [], version } = options
  const signer = signerFor(by.privateKey, options.signature)
  const extensions = [
    ...(options.nonce === undefined ? [] : [nonceExtension(options.nonce)]),
    ...(options.extensions ?? []),
  ]
  const tbs = sequence(
    ...(version === undefined ? [] : [contextConstructed(0, integer(version))]),
    options.responder === 'key'
      ? contextConstructed(2, octetString(digest('sha1', keyOf(by))))
      : contextConstructed(1, by.subject),
    moment(options.producedAt ?? atMs - hourMs),
    sequence(...singles.map((single) => encodeSingle(single, atMs))),
    ...extensionsField(extensions),
  )
  const chain = certificates.map(({ der }) => der)
  const basic = sequence(
    tbs,
    signer.algorithm,
    bitString(await signer.sign(tbs)),
    ...(chain.length === 0 ? [] : [contextConstructed(0, sequence(...chain))]),
  )
  const type = objectIdentifier('1.3.6.1.5.5.7.48.1.1')
  return sequence(encode(0x0a, Uint8Array.of(0)), contextConstructed(0, sequence(type, octetString(basic))))
}

/** An answer without a response: 3 is tryLater. */
export function failureAnswer(status: number): Uint8Array {
  return sequence(encode(0x0a, Uint8Array.of(status)))
}

export function parsed(certificate: IssuedCertificate): ParsedCertificate {
  const found = parseCertificate(certificate.der, configuredLimits)
  if (found instanceof Refusal) throw new Error(found.code)
  return found
}

function encodeSingle(single: SingleOptions, atMs: number): Uint8Array {
  const { of, issuer, hash = 'sha1', nextUpdate = atMs + hourMs, thisUpdate = atMs - hourMs } = single
  const id = sequence(
    sequence(objectIdentifier(hashTypes[hash]), nullValue()),
    octetString(digest(hash, single.issuerName ?? issuer.subject)),
    octetString(digest(hash, single.issuerKey ?? keyOf(issuer))),
    integer(single.serial ?? of.serial),
  )
  return sequence(
    id,
    encodeStatus(single.status ?? 'good', atMs),
    moment(thisUpdate),
    ...(nextUpdate === null ? [] : [contextConstructed(0, moment(nextUpdate))]),
    ...extensionsField(single.extensions ?? []),
  )
}

function encodeStatus(status: 'good' | 'revoked' | 'unknown', atMs: number): Uint8Array {
  const nothing = new Uint8Array()
  switch (status) {
    case 'good':
      return contextPrimitive(0, nothing)
    case 'revoked':
      return contextConstructed(
        1,
        moment(atMs - 2 * hourMs),
        contextConstructed(0, encode(0x0a, Uint8Array.of(1))),
      )
    case 'unknown':
      return contextPrimitive(2, nothing)
  }
}

function nonceExtension(nonce: Uint8Array): ExtensionOptions {
  return { type: '1.3.6.1.5.5.7.48.1.2', critical: false, value: octetString(nonce) }
}

function extensionsField(extensions: readonly ExtensionOptions[]): Uint8Array[] {
  return extensions.length === 0 ? [] : [contextConstructed(1, sequence(...extensions.map(encodeExtension)))]
}

function moment(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().slice(0, 19).replaceAll(/\D/g, '')
  return encode(0x18, Buffer.from(`${digits}Z`))
}

function digest(hash: string, octets: Uint8Array): Uint8Array {
  return createHash(hash).update(octets).digest()
}

function keyOf(certificate: IssuedCertificate): Uint8Array {
  return parsed(certificate).encoded.publicKey
}
