import {
  bitString,
  contextConstructed,
  contextPrimitive,
  integer,
  namedBits,
  sequence,
  time,
} from '../../src/pki/der-writer.js'
import {
  authorityKeyIdentifier,
  type ExtensionOptions,
  encodeExtension,
  encodeGeneralName,
  type GeneralNameOptions,
} from '../../src/pki/extensions.js'
import type { Issuer } from '../../src/pki/issue.js'
import { encodeName, type NameOptions } from '../../src/pki/name.js'
import { type SignatureOptions, signerFor } from '../../src/pki/signing.js'
import { testTimeMs } from './certificates.js'

const dayMs = 86_400_000

export interface RevokedOptions {
  /** Two's complement as hexadecimal, as an issued certificate has it. */
  readonly serial: string
  readonly reason?: number
  readonly certificateIssuer?: NameOptions
  readonly extensions?: readonly ExtensionOptions[]
}

export interface ListOptions {
  readonly issuer: Issuer
  readonly revoked?: readonly RevokedOptions[]
  readonly thisUpdate?: Date
  /** Null: left out. */
  readonly nextUpdate?: Date | null
  readonly number?: number
  /** Of the complete list that it adds to. */
  readonly baseNumber?: number
  readonly scope?: ScopeOptions
  readonly extensions?: readonly ExtensionOptions[]
  readonly version?: 1 | 2
  readonly signature?: SignatureOptions
}

export interface ScopeOptions {
  readonly name?: readonly GeneralNameOptions[]
  readonly only?: 'user' | 'authority' | 'attribute'
  /** Bits of ReasonFlags. */
  readonly reasons?: readonly number[]
  readonly indirect?: boolean
}

/** DER of a list (RFC 5280 §5.1) around the moment of the tests. */
export async function makeList(options: ListOptions): Promise<Uint8Array> {
  const { issuer, revoked = [], version = 2, nextUpdate = new Date(testTimeMs + 5 * dayMs) } = options
  const signer = signerFor(issuer.privateKey, options.signature)
  const extensions = extensionsOf(options)
  const tbs = sequence(
    ...(version === 2 ? [integer(1)] : []),
    signer.algorithm,
    issuer.subject,
    time(options.thisUpdate ?? new Date(testTimeMs - dayMs)),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(revoked.length === 0 ? [] : [sequence(...revoked.map(encodeEntry))]),
    ...(version === 2 && extensions.length > 0
      ? [contextConstructed(0, sequence(...extensions.map(encodeExtension)))]
      : []),
  )
  return sequence(tbs, signer.algorithm, bitString(await signer.sign(tbs)))
}

export function listPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN X509 CRL-----', ...lines, '-----END X509 CRL-----', ''].join('\n')
}

function extensionsOf({
  issuer,
  number = 1,
  baseNumber,
  scope,
  extensions = [],
}: ListOptions): ExtensionOptions[] {
  return [
    ...(issuer.keyIdentifier === null ? [] : [authorityKeyIdentifier(issuer.keyIdentifier)]),
    { type: '2.5.29.20', critical: false, value: integer(number) },
    ...(baseNumber === undefined ? [] : [{ type: '2.5.29.27', critical: true, value: integer(baseNumber) }]),
    ...(scope === undefined ? [] : [{ type: '2.5.29.28', critical: true, value: encodeScope(scope) }]),
    ...extensions,
  ]
}

function encodeScope({ name, only, reasons, indirect }: ScopeOptions): Uint8Array {
  const yes = Uint8Array.of(0xff)
  return sequence(
    ...(name === undefined
      ? []
      : [contextConstructed(0, contextConstructed(0, ...name.map(encodeGeneralName)))]),
    ...(only === 'user' ? [contextPrimitive(1, yes)] : []),
    ...(only === 'authority' ? [contextPrimitive(2, yes)] : []),
    ...(reasons === undefined ? [] : [contextPrimitive(3, namedBits(reasons).slice(2))]),
    ...(indirect === true ? [contextPrimitive(4, yes)] : []),
    ...(only === 'attribute' ? [contextPrimitive(5, yes)] : []),
  )
}

function encodeEntry({ serial, reason, certificateIssuer, extensions = [] }: RevokedOptions): Uint8Array {
  const all: ExtensionOptions[] = [
    ...(reason === undefined
      ? []
      : [{ type: '2.5.29.21', critical: false, value: Uint8Array.of(0x0a, 1, reason) }]),
    ...(certificateIssuer === undefined
      ? []
      : [
          {
            type: '2.5.29.29',
            critical: true,
            value: sequence(contextConstructed(4, encodeName(certificateIssuer))),
          },
        ]),
    ...extensions,
  ]
  return sequence(
    integer(serial),
    time(new Date(testTimeMs - 10 * dayMs)),
    ...(all.length === 0 ? [] : [sequence(...all.map(encodeExtension))]),
  )
}

/** §4.2.1.13, one point for each. */
export function distributionPoints(
  points: readonly {
    readonly name?: readonly GeneralNameOptions[]
    readonly reasons?: readonly number[]
    readonly issuer?: NameOptions
  }[],
): ExtensionOptions {
  const encoded = points.map(({ name, reasons, issuer }) =>
    sequence(
      ...(name === undefined
        ? []
        : [contextConstructed(0, contextConstructed(0, ...name.map(encodeGeneralName)))]),
      ...(reasons === undefined ? [] : [contextPrimitive(1, namedBits(reasons).slice(2))]),
      ...(issuer === undefined ? [] : [contextConstructed(2, contextConstructed(4, encodeName(issuer)))]),
    ),
  )
  return { type: '2.5.29.31', critical: false, value: sequence(...encoded) }
}
