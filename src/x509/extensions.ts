import {
  type PolicyInformation,
  type PolicyMapping,
  readCertificatePolicies,
  readPolicyMappings,
} from './certificate-policies.js'
import type { DerLimits, DerValue } from './der.js'
import { DerError, readDer } from './der.js'
import { DerReader, objectIdentifierOf, tags } from './der-values.js'
import {
  type BasicConstraints,
  readAuthorityKeyIdentifier,
  readBasicConstraints,
  readExtendedKeyUsage,
} from './extension-values.js'
import type { GeneralName } from './general-names.js'
import { type NameConstraints, readNameConstraints } from './name-constraints.js'
import { extensionTypes } from './object-identifiers.js'
import { type PolicyConstraints, readInhibitAnyPolicy, readPolicyConstraints } from './policy-constraints.js'
import { readAlternativeNames } from './subject-alternative-names.js'

export interface Extension {
  readonly critical: boolean
  /** The DER, or other bytes, inside the OCTET STRING. */
  readonly value: Uint8Array
}

/** By dotted OID; a certificate never has two of one type (RFC 5280 §4.2). */
export type Extensions = ReadonlyMap<string, Extension>

/** The order is that of the bits (RFC 5280 §4.2.1.3). */
const keyUsages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const

export type KeyUsage = (typeof keyUsages)[number]

/** What the extensions say that validation or identity asks for; null: the extension is absent. */
export interface ExtensionFacts {
  readonly basicConstraints: BasicConstraints | null
  readonly keyUsage: ReadonlySet<KeyUsage> | null
  readonly extendedKeyUsage: readonly string[] | null
  readonly certificatePolicies: readonly PolicyInformation[] | null
  readonly policyMappings: readonly PolicyMapping[] | null
  /** Hexadecimal. */
  readonly subjectKeyIdentifier: string | null
  readonly authorityKeyIdentifier: string | null
  readonly nameConstraints: NameConstraints | null
  readonly policyConstraints: PolicyConstraints | null
  readonly inhibitAnyPolicy: number | null
  /** The subject alternative names; empty where there are none. */
  readonly generalNames: readonly GeneralName[]
}

/** @throws DerError */
export function readExtensions(value: DerValue): Extensions {
  const extensions = new Map<string, Extension>()
  if (value.identifier !== tags.sequence || value.children.length === 0)
    throw new DerError('empty extensions')
  for (const child of value.children) {
    const reader = new DerReader(child, tags.sequence, 'an extension')
    const type = objectIdentifierOf(reader.take(tags.objectIdentifier, 'the type of an extension'))
    const critical = reader.takeOptional(tags.boolean)
    if (critical?.content[0] === 0x00) throw new DerError('an extension whose default is written out')
    const { content } = reader.take(tags.octetString, 'the value of an extension')
    reader.end()
    if (extensions.has(type)) throw new DerError(`the extension ${type} twice`)
    extensions.set(type, { critical: critical !== null, value: content })
  }
  return extensions
}

/** @throws DerError for a value that is not what its type asks for. */
export function readExtensionFacts(extensions: Extensions, limits: DerLimits): ExtensionFacts {
  function read<T>(type: string, reader: (value: DerValue) => T): T | null {
    const extension = extensions.get(type)
    return extension === undefined ? null : reader(readDer(extension.value, limits))
  }
  return {
    basicConstraints: read(extensionTypes.basicConstraints, readBasicConstraints),
    keyUsage: read(extensionTypes.keyUsage, readKeyUsage),
    extendedKeyUsage: read(extensionTypes.extendedKeyUsage, readExtendedKeyUsage),
    certificatePolicies: read(extensionTypes.certificatePolicies, readCertificatePolicies),
    policyMappings: read(extensionTypes.policyMappings, readPolicyMappings),
    subjectKeyIdentifier: read(extensionTypes.subjectKeyIdentifier, readKeyIdentifier),
    authorityKeyIdentifier: read(extensionTypes.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    nameConstraints: read(extensionTypes.nameConstraints, readNameConstraints),
    policyConstraints: read(extensionTypes.policyConstraints, readPolicyConstraints),
    inhibitAnyPolicy: read(extensionTypes.inhibitAnyPolicy, readInhibitAnyPolicy),
    generalNames: read(extensionTypes.subjectAltName, readAlternativeNames) ?? [],
  }
}

/** At least one bit is set (§4.2.1.3). */
function readKeyUsage(value: DerValue): ReadonlySet<KeyUsage> {
  if (value.identifier !== tags.bitString) throw new DerError('a key usage of another type')
  const octets = value.content.subarray(1)
  const set = keyUsages.filter((_, bit) => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0)
  if (set.length === 0) throw new DerError('a key usage without a use')
  return new Set(set)
}

function readKeyIdentifier(value: DerValue): string {
  if (value.identifier !== tags.octetString) throw new DerError('a subject key identifier of another type')
  return Buffer.from(value.content).toString('hex')
}
