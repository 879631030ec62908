import { extensionTypes, userPrincipalName } from '../x509/object-identifiers.js'
import {
  boolean,
  contextConstructed,
  contextPrimitive,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
} from './der-writer.js'
import type { NameOptions, NameStringType } from './name.js'
import { encodeName, encodeString } from './name.js'

/** One extension of RFC 5280 §4.2; `value` is the DER inside its OCTET STRING. */
export interface ExtensionOptions {
  readonly type: string
  readonly critical: boolean
  readonly value: Uint8Array
}

export function encodeExtension({ type, critical, value }: ExtensionOptions): Uint8Array {
  const flag = critical ? [boolean(true)] : []
  return sequence(objectIdentifier(type), ...flag, octetString(value))
}

/** §4.2.1.9; critical unless said otherwise. */
export function basicConstraints(
  options: { authority: boolean; pathLength?: number },
  critical = true,
): ExtensionOptions {
  const authority = options.authority ? [boolean(true)] : []
  const pathLength = options.pathLength === undefined ? [] : [integer(options.pathLength)]
  return { type: extensionTypes.basicConstraints, critical, value: sequence(...authority, ...pathLength) }
}

const keyUsageBits = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const

/** §4.2.1.3 */
export function keyUsage(usages: readonly (keyof typeof keyUsageBits)[], critical = true): ExtensionOptions {
  return {
    type: extensionTypes.keyUsage,
    critical,
    value: namedBits(usages.map((usage) => keyUsageBits[usage])),
  }
}

/** §4.2.1.12; purposes as dotted OIDs. */
export function extendedKeyUsage(purposes: readonly string[], critical = false): ExtensionOptions {
  return {
    type: extensionTypes.extendedKeyUsage,
    critical,
    value: sequence(...purposes.map(objectIdentifier)),
  }
}

export type GeneralNameOptions =
  | { readonly email: string }
  | { readonly dns: string }
  | { readonly uri: string }
  | { readonly ip: Uint8Array }
  | { readonly directory: NameOptions }
  | { readonly upn: string; readonly encoding?: NameStringType }
  | { readonly other: { readonly type: string; readonly value: Uint8Array } }

/** §4.2.1.6 */
export function subjectAltName(names: readonly GeneralNameOptions[], critical = false): ExtensionOptions {
  return { type: extensionTypes.subjectAltName, critical, value: sequence(...names.map(encodeGeneralName)) }
}

export function encodeGeneralName(name: GeneralNameOptions): Uint8Array {
  if ('email' in name) return contextPrimitive(1, Buffer.from(name.email, 'latin1'))
  if ('dns' in name) return contextPrimitive(2, Buffer.from(name.dns, 'latin1'))
  if ('directory' in name) return contextConstructed(4, encodeName(name.directory))
  if ('uri' in name) return contextPrimitive(6, Buffer.from(name.uri, 'latin1'))
  if ('ip' in name) return contextPrimitive(7, name.ip)
  const { type, value } =
    'upn' in name
      ? { type: userPrincipalName, value: encodeString(name.upn, name.encoding ?? 'UTF8String') }
      : name.other
  return contextConstructed(0, objectIdentifier(type), contextConstructed(0, value))
}

/** §4.2.1.4, without qualifiers. */
export function certificatePolicies(policies: readonly string[], critical = false): ExtensionOptions {
  const value = sequence(...policies.map((policy) => sequence(objectIdentifier(policy))))
  return { type: extensionTypes.certificatePolicies, critical, value }
}

/** §4.2.1.10 */
export function nameConstraints(
  subtrees: { permitted?: readonly GeneralNameOptions[]; excluded?: readonly GeneralNameOptions[] },
  critical = true,
): ExtensionOptions {
  const fields = [subtrees.permitted, subtrees.excluded].flatMap((names, number) =>
    names === undefined
      ? []
      : [contextConstructed(number, ...names.map((name) => sequence(encodeGeneralName(name))))],
  )
  return { type: extensionTypes.nameConstraints, critical, value: sequence(...fields) }
}

/** §4.2.1.2 */
export function subjectKeyIdentifier(identifier: Uint8Array): ExtensionOptions {
  return { type: extensionTypes.subjectKeyIdentifier, critical: false, value: octetString(identifier) }
}

/** §4.2.1.1, by the issuer's key identifier. */
export function authorityKeyIdentifier(identifier: Uint8Array): ExtensionOptions {
  const value = sequence(contextPrimitive(0, identifier))
  return { type: extensionTypes.authorityKeyIdentifier, critical: false, value }
}
