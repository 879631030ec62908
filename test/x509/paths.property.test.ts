// A path that the generator makes is accepted, and each single fault put into it is refused with its own code.
import fc from 'fast-check'
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { contextPrimitive, sequence } from '../../src/pki/der-writer.js'
import {
  basicConstraints,
  certificatePolicies,
  type ExtensionOptions,
  extendedKeyUsage,
  keyUsage,
  nameConstraints,
  subjectAltName,
} from '../../src/pki/extensions.js'
import type { CertificateOptions, IssuedCertificate, Issuer } from '../../src/pki/issue.js'
import { issueCertificate } from '../../src/pki/issue.js'
import { extensionTypes, keyPurposes } from '../../src/x509/object-identifiers.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { Verifier } from '../../src/x509/verifier.js'
import { cachedKey, makeCa, name, tampered, testTimeMs } from '../support/certificates.js'

const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31))
const runs = 40
const dayMs = 86_400_000
const policy = '1.2.3.4'
const { clientAuth, serverAuth, emailProtection, anyExtendedKeyUsage } = keyPurposes

/** What an authority of a valid path may say, or leave out. */
const authority = fc.record({
  pathLength: fc.constantFrom('absent', 'exact', 'ample'),
  hasKeyUsage: fc.boolean(),
  purposes: fc.constantFrom<readonly string[] | null>(null, [clientAuth], [anyExtendedKeyUsage, serverAuth]),
  constraint: fc.constantFrom('absent', 'permits', 'excludes another'),
  rollsOver: fc.boolean(),
  hasKeyIdentifiers: fc.boolean(),
  isCritical: fc.boolean(),
  requiresPolicy: fc.boolean(),
})

const user = fc.record({
  hasKeyUsage: fc.boolean(),
  purposes: fc.constantFrom<readonly string[] | null>(
    null,
    [emailProtection, clientAuth],
    [anyExtendedKeyUsage],
  ),
  hasAlternativeName: fc.boolean(),
  key: fc.constantFrom(
    { kind: 'ec', curve: 'P-256' } as const,
    { kind: 'ec', curve: 'P-384' } as const,
    { kind: 'ed25519' } as const,
    { kind: 'rsa', bits: 2048 } as const,
  ),
})

const plan = fc.record({
  authorities: fc.array(authority, { minLength: 1, maxLength: 4 }),
  user,
  shuffle: fc.boolean(),
  /** Which authority the fault is put into. */
  at: fc.nat(),
})

type Authority = typeof authority extends fc.Arbitrary<infer T> ? T : never
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never

type Target = 'user' | 'authority'

interface Fault {
  readonly code: string
  readonly in: Target
  /** Options of the certificate that is at fault. */
  readonly change?: (options: Options) => Options | Promise<Options>
  /** Its bytes, after it was signed. */
  readonly damage?: (der: Uint8Array) => Uint8Array
  /** It is left out. */
  readonly isMissing?: true
}

type Options = CertificateOptions & { readonly extensions: readonly ExtensionOptions[] }

const add = (extension: ExtensionOptions) => (options: Options) => ({
  ...options,
  extensions: [...options.extensions.filter(({ type }) => type !== extension.type), extension],
})

const drop = (type: string) => (options: Options) => ({
  ...options,
  extensions: options.extensions.filter((extension) => extension.type !== type),
})

const unknown = (critical: boolean): ExtensionOptions => ({
  type: '1.2.3.9',
  critical,
  value: Uint8Array.of(5, 0),
})

const time = {
  past: { notBefore: new Date(testTimeMs - 9 * dayMs), notAfter: new Date(testTimeMs - 1000) },
  future: { notBefore: new Date(testTimeMs + 1000), notAfter: new Date(testTimeMs + 9 * dayMs) },
}

const faults: Readonly<Record<string, Fault>> = {
  'an expired user': { code: 'certificate_expired', in: 'user', change: (o) => ({ ...o, ...time.past }) },
  'an expired authority': {
    code: 'certificate_expired',
    in: 'authority',
    change: (o) => ({ ...o, ...time.past }),
  },
  'a user of tomorrow': {
    code: 'certificate_not_yet_valid',
    in: 'user',
    change: (o) => ({ ...o, ...time.future }),
  },
  'an authority of tomorrow': {
    code: 'certificate_not_yet_valid',
    in: 'authority',
    change: (o) => ({ ...o, ...time.future }),
  },
  'a user signed by another': { code: 'chain_untrusted', in: 'user', change: impostor },
  'an authority signed by another': { code: 'chain_untrusted', in: 'authority', change: impostor },
  'a user of an unknown issuer': { code: 'chain_untrusted', in: 'user', change: renamedIssuer },
  'an authority of an unknown issuer': { code: 'chain_untrusted', in: 'authority', change: renamedIssuer },
  'a missing authority': { code: 'chain_untrusted', in: 'authority', isMissing: true },
  'a changed signature of the user': {
    code: 'chain_untrusted',
    in: 'user',
    damage: (der) => tampered(der, -1),
  },
  'a changed signature of an authority': {
    code: 'chain_untrusted',
    in: 'authority',
    damage: (der) => tampered(der, -1),
  },
  'a byte too many': {
    code: 'certificate_malformed',
    in: 'user',
    damage: (der) => Buffer.concat([der, der.subarray(0, 1)]),
  },
  'a byte too few': { code: 'certificate_malformed', in: 'user', damage: (der) => der.subarray(0, -1) },
  'an extension twice': {
    code: 'certificate_malformed',
    in: 'user',
    change: (o) => ({ ...o, extensions: [...o.extensions, unknown(false), unknown(false)] }),
  },
  'an authority with an extension twice': {
    code: 'chain_untrusted',
    in: 'authority',
    change: (o) => ({ ...o, extensions: [...o.extensions, unknown(false), unknown(false)] }),
  },
  'an authority without basic constraints': {
    code: 'constraint_violated',
    in: 'authority',
    change: drop(extensionTypes.basicConstraints),
  },
  'an authority that is none': {
    code: 'constraint_violated',
    in: 'authority',
    change: add(basicConstraints({ authority: false })),
  },
  'an authority that may not sign': {
    code: 'constraint_violated',
    in: 'authority',
    change: add(keyUsage(['cRLSign', 'digitalSignature'])),
  },
  'an authority for servers': {
    code: 'constraint_violated',
    in: 'authority',
    change: add(extendedKeyUsage([serverAuth])),
  },
  'a user who is a server': {
    code: 'usage_unsuitable',
    in: 'user',
    change: add(extendedKeyUsage([serverAuth])),
  },
  'a user whose key does not sign': {
    code: 'usage_unsuitable',
    in: 'user',
    change: add(keyUsage(['keyEncipherment', 'nonRepudiation'])),
  },
  'an unknown critical extension of the user': {
    code: 'constraint_violated',
    in: 'user',
    change: add(unknown(true)),
  },
  'an unknown critical extension of an authority': {
    code: 'constraint_violated',
    in: 'authority',
    change: add(unknown(true)),
  },
  'a name that is excluded': {
    code: 'constraint_violated',
    in: 'authority',
    change: add(nameConstraints({ excluded: [{ email: 'example.com' }] })),
  },
  'a name that is not permitted': {
    code: 'constraint_violated',
    in: 'authority',
    change: add(nameConstraints({ permitted: [{ directory: name({ O: 'Elsewhere' }) }] })),
  },
  'a policy that is not the required one': {
    code: 'constraint_violated',
    in: 'authority',
    change: (o) => add(explicitPolicy)(add(certificatePolicies(['1.2.3.5']))(o)),
  },
  'a weak hash on the user': {
    code: 'algorithm_refused',
    in: 'user',
    change: (o) => ({ ...o, signature: { hash: 'sha1' } }),
  },
  'a weak hash on an authority': {
    code: 'algorithm_refused',
    in: 'authority',
    change: (o) => ({ ...o, signature: { hash: 'sha1' } }),
  },
  'a key too short': {
    code: 'key_too_weak',
    in: 'user',
    change: async (o) => ({ ...o, key: await cachedKey({ kind: 'rsa', bits: 1024 }) }),
  },
  'a curve that is not listed': {
    code: 'algorithm_refused',
    in: 'user',
    change: async (o) => ({ ...o, key: await cachedKey({ kind: 'ec', curve: 'secp256k1' }) }),
  },
}

const explicitPolicy: ExtensionOptions = {
  type: extensionTypes.policyConstraints,
  critical: true,
  value: sequence(contextPrimitive(0, Uint8Array.of(0))),
}

/** The issuer's name and key identifier, another's key. */
async function impostor(options: Options): Promise<Options> {
  const { privateKey } = await cachedKey({ kind: 'ec', curve: 'P-256' }, 99)
  return options.issuer === undefined ? options : { ...options, issuer: { ...options.issuer, privateKey } }
}

async function renamedIssuer(options: Options): Promise<Options> {
  const { subject } = await makeCa('Unknown')
  return options.issuer === undefined ? options : { ...options, issuer: { ...options.issuer, subject } }
}

const validity = { notBefore: new Date(testTimeMs - dayMs), notAfter: new Date(testTimeMs + dayMs) }
const root = await makeCa('Root')

function authorityOptions(of: Authority, at: number, below: number, issuer: Issuer, title: string): Options {
  const length = { absent: {}, exact: { pathLength: below }, ample: { pathLength: below + 2 } }[of.pathLength]
  const constraint = {
    absent: [],
    permits: [
      nameConstraints({ permitted: [{ email: 'example.com' }, { directory: name({ O: 'Mattermost' }) }] }),
    ],
    'excludes another': [nameConstraints({ excluded: [{ email: 'other.example' }, { dns: 'example.com' }] })],
  }[of.constraint]
  return {
    subject: name({ O: 'Mattermost', CN: title }),
    ...validity,
    issuer,
    keyIdentifiers: of.hasKeyIdentifiers,
    serial: `01${String(at).padStart(2, '0')}`,
    extensions: [
      basicConstraints({ authority: true, ...length }, of.isCritical),
      ...(of.hasKeyUsage ? [keyUsage(['keyCertSign', 'cRLSign'], of.isCritical)] : []),
      ...(of.purposes === null ? [] : [extendedKeyUsage(of.purposes, of.isCritical)]),
      certificatePolicies([policy], of.isCritical),
      ...(of.requiresPolicy ? [explicitPolicy] : []),
      ...constraint,
    ],
  }
}

function userOptions(of: Plan['user'], issuer: Issuer): Options {
  const address = { email: 'mmuser@example.com' }
  return {
    subject: [
      ...name({ O: 'Mattermost', CN: 'mmuser' }),
      ...(of.hasAlternativeName ? [] : [{ type: 'emailAddress', value: address.email }]),
    ],
    ...validity,
    issuer,
    extensions: [
      ...(of.hasKeyUsage ? [keyUsage(['digitalSignature', 'keyEncipherment'])] : []),
      ...(of.purposes === null ? [] : [extendedKeyUsage(of.purposes)]),
      ...(of.hasAlternativeName ? [subjectAltName([address])] : []),
      certificatePolicies([policy]),
    ],
  }
}

/** `valid`, or the refusal's code. */
async function verdict(made: Plan, fault: Fault | null): Promise<string> {
  const faulty = fault?.in === 'authority' ? made.at % made.authorities.length : null
  const chain: Uint8Array[] = []
  let issuer: IssuedCertificate = root
  let title = 'Root'
  for (const [at, of] of made.authorities.entries()) {
    // Renewed under its own name, an authority is not counted by any path length.
    title = of.rollsOver ? title : `Sub ${at}`
    const below = made.authorities.slice(at + 1).filter(({ rollsOver }) => !rollsOver).length
    const options = {
      ...authorityOptions(of, at, below, issuer, title),
      key: await cachedKey({ kind: 'ec', curve: 'P-256' }, at),
    }
    const isFaulty = at === faulty
    const changed = isFaulty ? ((await fault?.change?.(options)) ?? options) : options
    issuer = await issueCertificate(changed)
    if (isFaulty && fault?.isMissing === true) continue
    chain.push(isFaulty ? (fault?.damage?.(issuer.der) ?? issuer.der) : issuer.der)
  }
  const plain = { ...userOptions(made.user, issuer), key: await cachedKey(made.user.key, 50) }
  const options = fault?.in === 'user' ? ((await fault.change?.(plain)) ?? plain) : plain
  const { der } = await issueCertificate(options)
  const leaf = fault?.in === 'user' ? (fault.damage?.(der) ?? der) : der
  const require = {
    clientAuth: 'if-stated',
    minRsaBits: 2048,
    maxPathLength: 5,
    policies: anyPolicies,
  } as const
  const anchors = { file: 'ca.pem', text: root.pem }
  const store = createTrustStore([{ name: 'staff', anchors, intermediates: null, require }])
  const found = await new Verifier(store).verify(leaf, made.shuffle ? chain.toReversed() : chain, testTimeMs)
  return found instanceof Refusal ? found.code : 'valid'
}

test(`every path that is made as it should be is accepted (PROPERTY_SEED=${seed})`, async (t) => {
  await fc.assert(
    fc.asyncProperty(plan, async (made) => (await verdict(made, null)) === 'valid'),
    { seed, numRuns: 3 * runs },
  )
  t.pass(`PROPERTY_SEED=${seed}`)
})

for (const [title, fault] of Object.entries(faults)) {
  test(`${title} is ${fault.code} (PROPERTY_SEED=${seed})`, async (t) => {
    await fc.assert(
      fc.asyncProperty(plan, async (made) => {
        const found = await verdict(made, fault)
        if (found !== fault.code) throw new Error(`found ${found}`)
      }),
      { seed, numRuns: runs },
    )
    t.pass(title)
  })
}
