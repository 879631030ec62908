import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { t as tap, test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { objectIdentifier, sequence } from '../../src/pki/der-writer.js'
import {
  basicConstraints,
  certificatePolicies,
  extendedKeyUsage,
  keyUsage,
} from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { issueCertificate } from '../../src/pki/issue.js'
import type { KeyOptions } from '../../src/pki/keys.js'
import { encodeString } from '../../src/pki/name.js'
import { userExtensions } from '../../src/pki/profiles.js'
import type { SignatureOptions } from '../../src/pki/signing.js'
import { anyPolicy, extensionTypes, keyPurposes } from '../../src/x509/object-identifiers.js'
import { anyPolicies, type Requirements } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { VerifiedCertificate } from '../../src/x509/verified-certificate.js'
import { Verifier } from '../../src/x509/verifier.js'
import {
  cachedKey,
  makeCa,
  makeGuideUser,
  makeUser,
  name,
  tampered,
  testTimeMs,
} from '../support/certificates.js'

const defaultRequire: Requirements = {
  clientAuth: 'if-stated',
  minRsaBits: 2048,
  maxPathLength: 5,
  policies: anyPolicies,
}
const folder = mkdtempSync(join(tmpdir(), 'mattergate-verifier-'))
tap.teardown(() => rmSync(folder, { recursive: true }))

interface TrustUnderTest {
  readonly name?: string
  readonly anchors: readonly IssuedCertificate[]
  readonly intermediates?: readonly IssuedCertificate[]
  readonly require?: Partial<Requirements>
}

function pem(certificates: readonly IssuedCertificate[]): string {
  return certificates.map((certificate) => certificate.pem).join('')
}

function verifierFor(...trusts: readonly TrustUnderTest[]): Verifier {
  return new Verifier(
    createTrustStore(
      trusts.map(({ name = 'staff', anchors, intermediates, require }) => ({
        name,
        anchors: { file: 'ca.pem', text: pem(anchors) },
        intermediates: intermediates === undefined ? null : { file: 'sub.pem', text: pem(intermediates) },
        require: { ...defaultRequire, ...require },
      })),
    ),
  )
}

/** `valid`, or the refusal's code. */
async function verdict(
  verifier: Verifier,
  leaf: IssuedCertificate | Uint8Array,
  chain: readonly IssuedCertificate[] = [],
  atMs = testTimeMs,
): Promise<string> {
  const der = 'der' in leaf ? leaf.der : leaf
  const result = await verifier.verify(
    der,
    chain.map((certificate) => certificate.der),
    atMs,
  )
  return result instanceof Refusal ? result.code : 'valid'
}

/** What `openssl verify` says to the same question. */
function opensslAccepts(
  anchors: readonly IssuedCertificate[],
  leaf: IssuedCertificate,
  intermediates: readonly IssuedCertificate[] = [],
): boolean {
  writeFileSync(join(folder, 'anchors.pem'), pem(anchors))
  writeFileSync(join(folder, 'untrusted.pem'), pem(intermediates))
  writeFileSync(join(folder, 'leaf.pem'), leaf.pem)
  const args = ['verify', '-partial_chain', '-purpose', 'sslclient', '-attime', String(testTimeMs / 1000)]
  const untrusted = intermediates.length === 0 ? [] : ['-untrusted', 'untrusted.pem']
  try {
    execFileSync('openssl', [...args, '-CAfile', 'anchors.pem', ...untrusted, 'leaf.pem'], {
      cwd: folder,
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

const dayMs = 86_400_000
const past = { notBefore: new Date(testTimeMs - 20 * dayMs), notAfter: new Date(testTimeMs - 10 * dayMs) }
const future = { notBefore: new Date(testTimeMs + 10 * dayMs), notAfter: new Date(testTimeMs + 20 * dayMs) }
const unknownCritical = { type: '1.2.3.4.5', critical: true, value: Uint8Array.of(5, 0) }

test('a good path yields a frozen certificate with its trust, its path and the end of its validity', async (t) => {
  const ca = await makeCa('CA')
  const sub = await makeCa('Sub', { issuer: ca, notAfter: new Date(testTimeMs + dayMs) })
  const user = await makeUser(sub, { upn: 'mmuser@example.com' })
  const found = await verifierFor({ anchors: [ca], intermediates: [sub] }).verify(user.der, [], testTimeMs)
  if (found instanceof Refusal) throw new Error(found.detail)
  t.type(found, VerifiedCertificate)
  t.ok(Object.isFrozen(found))
  t.equal(found.trust, 'staff')
  t.equal(found.validUntil, testTimeMs + dayMs)
  t.strictSame(found.path, [found.facts.subject, 'CN=Sub,O=Mattermost', 'CN=CA,O=Mattermost'])
  t.equal(found.facts.subject, 'emailAddress=mmuser@mattermost.com,CN=mmuser,OU=Smarttotem,O=Mattermost,C=US')
  t.strictSame(found.facts.alternativeNames, {
    email: ['mmuser@mattermost.com'],
    upn: [{ value: 'mmuser@example.com', encoding: 'UTF8String' }],
  })
})

test('leaves and intermediates: what is accepted, what is refused and with which code', async (t) => {
  const ca = await makeCa('CA')
  const sub = await makeCa('Sub', { issuer: ca })
  const rogue = await makeCa('CA')
  const notAnAuthority = await issueCertificate({
    ...sub,
    subject: name({ CN: 'Sub' }),
    issuer: ca,
    extensions: [basicConstraints({ authority: false }), keyUsage(['keyCertSign'])],
  })
  const withoutConstraints = await issueCertificate({ ...sub, subject: name({ CN: 'Sub' }), issuer: ca })
  const cases: [string, string, IssuedCertificate, IssuedCertificate[]][] = [
    ['issued by the anchor', 'valid', await makeUser(ca), []],
    ['issued by an intermediate', 'valid', await makeUser(sub), [sub]],
    ['the intermediate is missing', 'chain_untrusted', await makeUser(sub), []],
    ['unrelated certificates beside it', 'valid', await makeUser(sub), [rogue, await makeUser(ca), sub]],
    ['version 1, as the guide makes it', 'valid', await makeGuideUser(ca), []],
    ['another authority of the same name', 'chain_untrusted', await makeUser(rogue), [rogue]],
    ['self-signed', 'chain_untrusted', await makeUser(ca, { issuer: { ...rogue, keyIdentifier: null } }), []],
    ['the anchor itself', 'chain_untrusted', ca, []],
    ['expired', 'certificate_expired', await makeUser(ca, past), []],
    ['not valid yet', 'certificate_not_yet_valid', await makeUser(ca, future), []],
    [
      'an expired intermediate',
      'certificate_expired',
      ...(await below(makeCa('Sub', { issuer: ca, ...past }))),
    ],
    ['an issuer that is no authority', 'constraint_violated', ...(await below(notAnAuthority))],
    ['an issuer without basic constraints', 'constraint_violated', ...(await below(withoutConstraints))],
    [
      'an issuer of version 1',
      'constraint_violated',
      ...(await below(issueCertificate({ ...sub, subject: name({ CN: 'Sub' }), issuer: ca, version: 1 }))),
    ],
    [
      'an issuer without keyCertSign',
      'constraint_violated',
      ...(await below(
        issueCertificate({
          ...sub,
          subject: name({ CN: 'Sub' }),
          issuer: ca,
          extensions: [basicConstraints({ authority: true }), keyUsage(['cRLSign'])],
        }),
      )),
    ],
    [
      'an issuer for servers only',
      'constraint_violated',
      ...(await below(
        makeCa('Sub', { issuer: ca, extensions: [extendedKeyUsage([keyPurposes.serverAuth])] }),
      )),
    ],
    [
      'an unknown critical extension of an issuer',
      'constraint_violated',
      ...(await below(makeCa('Sub', { issuer: ca, extensions: [unknownCritical] }))),
    ],
    [
      'an unknown critical extension',
      'constraint_violated',
      await makeUser(ca, { extensions: [...userExtensions(), unknownCritical] }),
      [],
    ],
    [
      'an unknown extension that is not critical',
      'valid',
      await makeUser(ca, { extensions: [...userExtensions(), { ...unknownCritical, critical: false }] }),
      [],
    ],
    [
      'critical policies',
      'valid',
      await makeUser(ca, { extensions: [...userExtensions(), certificatePolicies(['1.2.3'], true)] }),
      [],
    ],
    [
      'a critical ocsp-nocheck, which says something of responders only',
      'valid',
      await makeUser(ca, {
        extensions: [
          ...userExtensions(),
          { type: extensionTypes.ocspNoCheck, critical: true, value: Uint8Array.of(5, 0) },
        ],
      }),
      [],
    ],
    [
      'a key usage without digitalSignature',
      'usage_unsuitable',
      await makeUser(ca, { extensions: [keyUsage(['keyEncipherment'])] }),
      [],
    ],
    [
      'for servers only',
      'usage_unsuitable',
      await makeUser(ca, { extensions: [extendedKeyUsage([keyPurposes.serverAuth])] }),
      [],
    ],
  ]
  for (const [title, code, leaf, chain] of cases) {
    t.equal(await verdict(verifierFor({ anchors: [ca] }), leaf, chain), code, title)
    t.equal(await verdict(verifierFor({ anchors: [ca], intermediates: [...chain, ca] }), leaf), code, title)
    // OpenSSL trusts a leaf that is an anchor.
    if (leaf !== ca) t.equal(opensslAccepts([ca], leaf, chain), code === 'valid', `openssl: ${title}`)
  }
})

async function below(
  issuer: IssuedCertificate | Promise<IssuedCertificate>,
): Promise<[IssuedCertificate, IssuedCertificate[]]> {
  const made = await issuer
  return [await makeUser(made), [made]]
}

test('an issuer may map policies, but not the policy that stands for any', async (t) => {
  const ca = await makeCa('CA')
  const mapping = (from: string, to: string) => ({
    type: '2.5.29.33',
    critical: true,
    value: sequence(sequence(objectIdentifier(from), objectIdentifier(to))),
  })
  const cases = [
    ['1.2.3', '1.2.4', 'valid'],
    ['1.2.3', anyPolicy, 'constraint_violated'],
    [anyPolicy, '1.2.3', 'constraint_violated'],
  ] as const
  for (const [from, to, code] of cases) {
    const [user, chain] = await below(makeCa('Sub', { issuer: ca, extensions: [mapping(from, to)] }))
    t.equal(await verdict(verifierFor({ anchors: [ca] }), user, chain), code, `${from} to ${to}`)
  }
})

test('critical policies are accepted with qualifiers that RFC 5280 knows, and no other', async (t) => {
  const ca = await makeCa('CA')
  const policies = (qualifier: string, critical: boolean) => {
    const information = sequence(objectIdentifier(qualifier), encodeString('https://x.y', 'IA5String'))
    const value = sequence(sequence(objectIdentifier('1.2.3'), sequence(information)))
    return { type: '2.5.29.32', critical, value }
  }
  const judge = async (qualifier: string, critical: boolean) =>
    verdict(
      verifierFor({ anchors: [ca] }),
      await makeUser(ca, { extensions: [policies(qualifier, critical)] }),
    )
  t.equal(await judge('1.3.6.1.5.5.7.2.1', true), 'valid')
  t.equal(await judge('1.2.3.4', true), 'constraint_violated')
  t.equal(await judge('1.2.3.4', false), 'valid')
})

test('an anchor is taken as given: expired, of version 1, no authority by its extensions, not self-signed', async (t) => {
  const root = await makeCa('Root')
  const anchors = [
    await makeCa('CA', past),
    await issueCertificate({ ...root, subject: name({ CN: 'CA' }), version: 1 }),
    await issueCertificate({ ...root, subject: name({ CN: 'CA' }), extensions: [unknownCritical] }),
    await makeCa('CA', { issuer: root }),
  ]
  for (const anchor of anchors) {
    t.equal(await verdict(verifierFor({ anchors: [anchor] }), await makeUser(anchor)), 'valid')
  }
})

test('a certificate is valid at its very first and its very last moment, and not beyond', async (t) => {
  const ca = await makeCa('CA')
  const [notBefore, notAfter] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-02-01T00:00:00Z')]
  const user = await makeUser(ca, { notBefore, notAfter })
  const verifier = verifierFor({ anchors: [ca] })
  t.equal(await verdict(verifier, user, [], notBefore.getTime()), 'valid')
  t.equal(await verdict(verifier, user, [], notBefore.getTime() - 1000), 'certificate_not_yet_valid')
  t.equal(await verdict(verifier, user, [], notAfter.getTime()), 'valid')
  t.equal(await verdict(verifier, user, [], notAfter.getTime() + 1000), 'certificate_expired')
})

test('two anchors of one name and different keys work in either order', async (t) => {
  const [first, second] = [await makeCa('CA'), await makeCa('CA', { keyIdentifiers: false })]
  for (const anchors of [
    [first, second],
    [second, first],
  ]) {
    const verifier = verifierFor({ anchors })
    t.equal(await verdict(verifier, await makeUser(first)), 'valid')
    t.equal(await verdict(verifier, await makeUser(second)), 'valid')
    t.equal(await verdict(verifier, await makeUser(await makeCa('CA'))), 'chain_untrusted')
  }
})

test('of several paths the valid one decides, and otherwise the one that got furthest', async (t) => {
  const ca = await makeCa('CA')
  const key = await cachedKey({ kind: 'ec', curve: 'P-256' })
  const old = await makeCa('Sub', { issuer: ca, key, ...past })
  const renewed = await makeCa('Sub', { issuer: ca, key })
  const namesake = await makeCa('Sub', { issuer: ca })
  const user = await makeUser(renewed)
  const verifier = verifierFor({ anchors: [ca] })
  t.equal(await verdict(verifier, user, [old, namesake, renewed]), 'valid')
  t.equal(await verdict(verifier, user, [namesake, old]), 'certificate_expired')
  const serverOnly = await makeCa('Sub', {
    issuer: ca,
    key,
    extensions: [extendedKeyUsage([keyPurposes.serverAuth])],
  })
  t.equal(await verdict(verifier, user, [serverOnly, old]), 'constraint_violated')
  t.equal(await verdict(verifier, user, [old, serverOnly]), 'constraint_violated')
})

test('authorities that certify each other end the search without harm', async (t) => {
  const ca = await makeCa('CA')
  const keys = [0, 1, 2].map((index) => cachedKey({ kind: 'ec', curve: 'P-256' }, index))
  const nodes = await Promise.all(keys.map(async (key, index) => makeCa(`N${index}`, { key: await key })))
  const crossed = await Promise.all(
    nodes.flatMap((issuer) =>
      nodes.map(async (subject, index) =>
        makeCa(`N${index}`, {
          issuer,
          key: await cachedKey({ kind: 'ec', curve: 'P-256' }, index),
          ...(subject === issuer ? past : {}),
        }),
      ),
    ),
  )
  const [first] = nodes
  if (first === undefined) throw new Error('no node')
  const user = await makeUser(first)
  t.equal(await verdict(verifierFor({ anchors: [ca] }), user, crossed), 'chain_untrusted')
  const wayOut = await makeCa('N2', { issuer: ca, key: await cachedKey({ kind: 'ec', curve: 'P-256' }, 2) })
  t.equal(await verdict(verifierFor({ anchors: [ca] }), user, [...crossed, wayOut]), 'valid')
})

test('path lengths are counted without self-issued intermediates', async (t) => {
  const ca = await makeCa('CA')
  const one = await makeCa('One', { issuer: ca, pathLength: 0 })
  const rolledOver = await makeCa('One', { issuer: one })
  const two = await makeCa('Two', { issuer: one })
  const verifier = verifierFor({ anchors: [ca] })
  t.equal(await verdict(verifier, await makeUser(rolledOver), [one, rolledOver]), 'valid')
  t.equal(await verdict(verifier, await makeUser(two), [one, two]), 'constraint_violated')
  const none = verifierFor({ anchors: [ca], require: { maxPathLength: 0 } })
  t.equal(await verdict(none, await makeUser(ca)), 'valid')
  t.equal(await verdict(none, await makeUser(one), [one]), 'constraint_violated')
  const unlimited = verifierFor({ anchors: [ca], require: { maxPathLength: null } })
  t.equal(await verdict(unlimited, await makeUser(one), [one]), 'valid')
})

test('names chain by RFC 5280: case, spaces and string types do not count', async (t) => {
  const key = await cachedKey({ kind: 'ec', curve: 'P-256' })
  const anchor = await makeCa('CA', {
    key,
    subject: [{ type: 'CN', value: 'Good  CA', encoding: 'PrintableString' }],
  })
  const issuer = await makeCa('CA', { key, subject: [{ type: 'CN', value: ' good ca' }] })
  const other = await makeCa('CA', { key, subject: [{ type: 'CN', value: 'goodca' }] })
  t.equal(await verdict(verifierFor({ anchors: [anchor] }), await makeUser(issuer)), 'valid')
  t.equal(await verdict(verifierFor({ anchors: [anchor] }), await makeUser(other)), 'chain_untrusted')
})

test('clientAuth: if stated, always, never', async (t) => {
  const ca = await makeCa('CA')
  const judge = async (clientAuth: Requirements['clientAuth'], purposes: readonly string[] | null) => {
    const extensions = purposes === null ? [] : [extendedKeyUsage(purposes)]
    return verdict(
      verifierFor({ anchors: [ca], require: { clientAuth } }),
      await makeUser(ca, { extensions }),
    )
  }
  const { clientAuth, serverAuth, anyExtendedKeyUsage } = keyPurposes
  for (const mode of ['if-stated', 'always', 'never'] as const) {
    t.equal(await judge(mode, [serverAuth, clientAuth]), 'valid')
    t.equal(await judge(mode, [anyExtendedKeyUsage]), 'valid')
  }
  t.equal(await judge('if-stated', null), 'valid')
  t.equal(await judge('always', null), 'usage_unsuitable')
  t.equal(await judge('never', null), 'valid')
  t.equal(await judge('if-stated', [serverAuth]), 'usage_unsuitable')
  t.equal(await judge('always', [serverAuth]), 'usage_unsuitable')
  t.equal(await judge('never', [serverAuth]), 'valid')
})

test('every listed kind of key and signature is accepted, for authority and leaf', async (t) => {
  const cases: [KeyOptions, SignatureOptions][] = [
    [{ kind: 'rsa', bits: 2048 }, {}],
    [{ kind: 'rsa', bits: 2048 }, { hash: 'sha384' }],
    [{ kind: 'rsa', bits: 2048 }, { hash: 'sha512' }],
    [
      { kind: 'rsa', bits: 2048 },
      { hash: 'sha256', pss: {} },
    ],
    [
      { kind: 'rsa', bits: 2048 },
      { hash: 'sha512', pss: { saltLength: 20 } },
    ],
    [{ kind: 'rsa-pss', bits: 2048 }, { hash: 'sha384' }],
    [{ kind: 'ec', curve: 'P-256' }, {}],
    [{ kind: 'ec', curve: 'P-384' }, { hash: 'sha384' }],
    [{ kind: 'ec', curve: 'P-521' }, { hash: 'sha512' }],
    [{ kind: 'ed25519' }, {}],
  ]
  for (const [keyOptions, signature] of cases) {
    const key = await cachedKey(keyOptions)
    const ca = await makeCa('CA', { key, signature })
    const user = await makeUser(ca, { key: await cachedKey(keyOptions, 1), signature })
    const title = JSON.stringify([keyOptions, signature])
    t.equal(await verdict(verifierFor({ anchors: [ca] }), user), 'valid', title)
    t.equal(await verdict(verifierFor({ anchors: [ca] }), tampered(user.der, -1)), 'chain_untrusted', title)
  }
})

test('weak hashes, unlisted algorithms and curves are refused, in the leaf and above it', async (t) => {
  const rsa = await makeCa('CA', { key: await cachedKey({ kind: 'rsa', bits: 2048 }) })
  const ec = await makeCa('CA')
  const cases: [string, IssuedCertificate, SignatureOptions][] = [
    ['MD5', rsa, { hash: 'md5' }],
    ['SHA-1', rsa, { hash: 'sha1' }],
    ['SHA-224', rsa, { hash: 'sha224' }],
    ['RSA-PSS with SHA-1', rsa, { hash: 'sha1', pss: {} }],
    ['RSA-PSS with two hashes', rsa, { pss: { mgfHash: 'sha384' } }],
    ['ECDSA with SHA-1', ec, { hash: 'sha1' }],
    ['ECDSA with SHA-224', ec, { hash: 'sha224' }],
  ]
  for (const [title, ca, signature] of cases) {
    const verifier = verifierFor({ anchors: [ca] })
    t.equal(await verdict(verifier, await makeUser(ca, { signature })), 'algorithm_refused', title)
    const sub = await makeCa('Sub', { issuer: ca, signature })
    t.equal(
      await verdict(verifier, await makeUser(sub), [sub]),
      'algorithm_refused',
      `${title} on an intermediate`,
    )
    const old = await makeUser(ca, { signature, ...past })
    t.equal(
      await verdict(verifier, old),
      'certificate_expired',
      `${title}, expired: the earlier cause speaks`,
    )
  }
  for (const key of [{ kind: 'ec', curve: 'secp256k1' }, { kind: 'ed448' }] as const) {
    t.equal(
      await verdict(verifierFor({ anchors: [ec] }), await makeUser(ec, { key })),
      'algorithm_refused',
      key.kind,
    )
    const anchor = await makeCa('CA', { key })
    t.equal(await verdict(verifierFor({ anchors: [anchor] }), await makeUser(anchor)), 'algorithm_refused')
  }
})

test('a curve that is spelled out instead of named is refused', async (t) => {
  const args = ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const privateKey = createPrivateKey(execFileSync('openssl', [...args, '-pkeyopt', 'ec_param_enc:explicit']))
  const publicKey = createPublicKey(privateKey)
  t.ok(publicKey.export({ format: 'der', type: 'spki' }).length > 200, 'the parameters are spelled out')
  const ca = await makeCa('CA')
  const user = await makeUser(ca, { key: { privateKey, publicKey } })
  t.equal(await verdict(verifierFor({ anchors: [ca] }), user), 'algorithm_refused')
})

test('RSA keys below the minimum are too weak, anywhere on the path; 1024 bits may be allowed', async (t) => {
  const ca = await makeCa('CA')
  const key = await cachedKey({ kind: 'rsa', bits: 1024 })
  const weakCa = await makeCa('CA', { key })
  const weakSub = await makeCa('Sub', { issuer: ca, key })
  const user = await makeGuideUser(ca, { key })
  t.equal(await verdict(verifierFor({ anchors: [ca] }), user), 'key_too_weak')
  t.equal(await verdict(verifierFor({ anchors: [weakCa] }), await makeUser(weakCa)), 'key_too_weak')
  t.equal(await verdict(verifierFor({ anchors: [ca] }), await makeUser(weakSub), [weakSub]), 'key_too_weak')
  const lenient = { require: { minRsaBits: 1024 } }
  t.equal(await verdict(verifierFor({ anchors: [ca], ...lenient }), user), 'valid')
  t.equal(await verdict(verifierFor({ anchors: [weakCa], ...lenient }), await makeUser(weakCa)), 'valid')
  const expired = await makeGuideUser(ca, { key, ...past })
  t.equal(await verdict(verifierFor({ anchors: [ca] }), expired), 'certificate_expired')
})

test('RSA keys above 4096 bits, and exponents that make signatures worthless, are refused', async (t) => {
  const ca = await makeCa('CA')
  const { privateKey } = await cachedKey({ kind: 'rsa', bits: 2048 })
  const publicKeyOf = (bits: number, e: string) => {
    const modulus = randomBytes(bits / 8)
    modulus[0] = 0x80
    modulus[modulus.length - 1] = 0x01
    return createPublicKey({ key: { kty: 'RSA', n: modulus.toString('base64url'), e }, format: 'jwk' })
  }
  const cases: [number, string, string][] = [
    [4096, 'AQAB', 'valid'],
    [4104, 'AQAB', 'algorithm_refused'],
    [8192, 'AQAB', 'algorithm_refused'],
    [2048, 'AQ', 'algorithm_refused'],
    [2048, 'BA', 'algorithm_refused'],
  ]
  for (const [bits, exponent, code] of cases) {
    const user = await makeUser(ca, { key: { privateKey, publicKey: publicKeyOf(bits, exponent) } })
    t.equal(await verdict(verifierFor({ anchors: [ca] }), user), code, `${bits} bits, exponent ${exponent}`)
  }
})

test('several trusts: the first with a valid path decides, by its own requirements', async (t) => {
  const ca = await makeCa('CA')
  const other = await makeCa('Other')
  const user = await makeUser(ca, { extensions: [] })
  const strict = { name: 'strict', anchors: [ca], require: { clientAuth: 'always' } } as const
  const trustOf = async (verifier: Verifier) => {
    const found = await verifier.verify(user.der, [], testTimeMs)
    return found instanceof Refusal ? found.code : found.trust
  }
  t.equal(await trustOf(verifierFor(strict, { name: 'a', anchors: [ca] }, { name: 'b', anchors: [ca] })), 'a')
  t.equal(await trustOf(verifierFor({ name: 'b', anchors: [ca] }, { name: 'a', anchors: [ca] })), 'b')
  t.equal(await trustOf(verifierFor({ name: 'other', anchors: [other] }, strict)), 'usage_unsuitable')
  t.equal(await trustOf(verifierFor(strict, { name: 'other', anchors: [other] })), 'usage_unsuitable')
})

test('no changed bit of a certificate passes, and nothing but a refusal comes of it', async (t) => {
  const ca = await makeCa('CA')
  const verifier = verifierFor({ anchors: [ca] })
  const user = await makeUser(ca, { upn: 'mmuser@example.com' })
  const accepted: number[] = []
  for (let offset = 0; offset < user.der.length; offset += 1) {
    for (const mask of [0x01, 0x80]) {
      if ((await verdict(verifier, tampered(user.der, offset, mask))) === 'valid') accepted.push(offset)
    }
    if ((await verdict(verifier, user.der.subarray(0, offset))) !== 'certificate_malformed')
      accepted.push(offset)
  }
  t.strictSame(accepted, [])
})

test('what is no certificate is malformed as a leaf and passed over in the chain', async (t) => {
  const ca = await makeCa('CA')
  const user = await makeUser(ca)
  const verifier = verifierFor({ anchors: [ca] })
  t.equal(await verdict(verifier, new Uint8Array()), 'certificate_malformed')
  t.equal(await verdict(verifier, Buffer.concat([user.der, Uint8Array.of(0)])), 'certificate_malformed')
  const found = await verifier.verify(user.der, [new Uint8Array(), randomBytes(200)], testTimeMs)
  t.type(found, VerifiedCertificate)
})

test('after a reload the new trust counts, and its generation is another', async (t) => {
  const [ca, other] = [await makeCa('CA'), await makeCa('Other')]
  const user = await makeUser(ca)
  const verifier = verifierFor({ anchors: [ca] })
  const before = verifier.generation
  t.equal(await verdict(verifier, user), 'valid')
  verifier.replaceTrustStore(verifierFor({ anchors: [other] }).trustStore)
  t.not(verifier.generation, before)
  t.equal(await verdict(verifier, user), 'chain_untrusted')
})
