// RFC 5280 §5 and §6.3.3, each rule with a twin that passes; lists are made and signed here.
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { integer, sequence, time } from '../../src/pki/der-writer.js'
import { keyUsage } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { issueCertificate } from '../../src/pki/issue.js'
import { RevocationChecker, type RevocationRules } from '../../src/revocation/checker.js'
import { type Crl, readCrl } from '../../src/revocation/crl/crl.js'
import { CrlSource } from '../../src/revocation/crl/crl-source.js'
import { newHashKey } from '../../src/revocation/crl/keyed-hash.js'
import { scanEntries } from '../../src/revocation/crl/revoked-entries.js'
import { unknown } from '../../src/revocation/sources.js'
import { DerError } from '../../src/x509/der.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { Verifier } from '../../src/x509/verifier.js'
import { makeCa, makeUser, name, tampered, testTime, testTimeMs } from '../support/certificates.js'
import { distributionPoints, type ListOptions, makeList } from '../support/revocation-list.js'

const dayMs = 86_400_000
const ca = await makeCa('List CA')
const alice = await makeUser(ca)
const bob = await makeUser(ca)

interface Asked {
  readonly leaf?: IssuedCertificate
  readonly chain?: readonly IssuedCertificate[]
  readonly anchor?: IssuedCertificate
  readonly rules?: Partial<RevocationRules>
  readonly graceMs?: number
  readonly atMs?: number
}

/** `valid`, or the code of the refusal. A list that cannot be read is left out, as it would never be loaded. */
async function verdict(lists: readonly Uint8Array[], asked: Asked = {}): Promise<string> {
  const { leaf = alice, chain = [], anchor = ca, graceMs = 0, atMs = testTimeMs } = asked
  const read = lists.flatMap(readable)
  const crl = new CrlSource({ lists: () => read, fetched: null, graceMs })
  const ocsp = { status: async () => unknown('nobody asks') }
  const rules: RevocationRules = { mode: 'crl', whenUnknown: 'refuse', crl, ocsp, ...asked.rules }
  const require = {
    clientAuth: 'if-stated',
    minRsaBits: 2048,
    maxPathLength: null,
    policies: anyPolicies,
  } as const
  const store = createTrustStore([
    { name: 'staff', anchors: { file: 'ca.pem', text: anchor.pem }, intermediates: null, require },
  ])
  const verifier = new Verifier(store, new RevocationChecker(() => rules))
  const found = await verifier.verify(
    leaf.der,
    chain.map(({ der }) => der),
    atMs,
  )
  return found instanceof Refusal ? found.code : 'valid'
}

function readable(der: Uint8Array): Crl[] {
  try {
    return [readCrl(der, 'test')]
  } catch (error) {
    if (error instanceof DerError) return []
    throw error
  }
}

const list = (options: Partial<ListOptions> = {}) => makeList({ issuer: ca, ...options })
const naming = (certificate: IssuedCertificate, options: Partial<ListOptions> = {}) =>
  list({ revoked: [{ serial: certificate.serial }], ...options })
const [good, revoked, unclear] = ['valid', 'certificate_revoked', 'revocation_unknown'] as const

test('a certificate that is listed is revoked, any other is good, and without a list nothing is known', async (t) => {
  t.equal(await verdict([await list()]), good)
  t.equal(await verdict([await naming(bob)]), good)
  t.equal(await verdict([await naming(alice)]), revoked)
  t.equal(await verdict([]), unclear)
  t.equal(await verdict([], { rules: { whenUnknown: 'allow' } }), good)
  t.equal(await verdict([await naming(alice)], { rules: { whenUnknown: 'allow' } }), revoked)
  t.equal(await verdict([], { rules: { mode: 'none' } }), good)
  const many = Array.from({ length: 3_000 }, (_none, at) => ({
    serial: (at + 0x10000000).toString(16),
  }))
  t.equal(await verdict([await list({ revoked: many })]), good)
  t.equal(await verdict([await list({ revoked: [...many, { serial: alice.serial }] })]), revoked)
  const negative = await makeUser(ca, { serial: 'ff01' })
  t.equal(
    await verdict([await naming(negative)], { leaf: negative }),
    revoked,
    'two’s complement is compared',
  )
})

test('a list counts from thisUpdate to nextUpdate, and for its grace; what it names stays revoked', async (t) => {
  const late = new Date(testTimeMs - 60_000)
  t.equal(await verdict([await list({ nextUpdate: testTime })]), good, 'its very last moment')
  t.equal(await verdict([await list({ nextUpdate: late })]), unclear)
  t.equal(await verdict([await list({ nextUpdate: late })], { graceMs: 60_000 }), good)
  t.equal(await verdict([await list({ nextUpdate: late })], { graceMs: 59_999 }), unclear)
  t.equal(
    await verdict([await naming(alice, { nextUpdate: late })], { rules: { whenUnknown: 'allow' } }),
    revoked,
  )
  t.equal(await verdict([await list({ thisUpdate: new Date(testTimeMs + 1_000) })]), unclear)
  t.equal(await verdict([await list({ nextUpdate: null })]), unclear, 'the profile asks for it')
})

test('a list is signed by its issuer, who may sign lists and leads to the same anchor', async (t) => {
  t.equal(await verdict([tampered(await list(), -1)]), unclear)
  const namesake = await makeCa('List CA')
  t.equal(await verdict([await list({ issuer: namesake })]), unclear, 'the name alone is nothing')
  t.equal(await verdict([await list({ issuer: namesake }), await naming(alice)]), revoked, 'and does no harm')
  t.equal(await verdict([await list({ signature: { hash: 'sha1' } })]), unclear)
  const [muteUser, mute] = await mutedAuthority()
  t.equal(
    await verdict([await makeList({ issuer: mute })], { leaf: muteUser, anchor: mute }),
    unclear,
    'without cRLSign',
  )
  const signer = await issueCertificate({
    ...{ subject: name({ O: 'Mattermost', CN: 'List CA' }), issuer: ca },
    ...{ notBefore: new Date(testTimeMs - dayMs), notAfter: new Date(testTimeMs + dayMs) },
    extensions: [keyUsage(['cRLSign'])],
  })
  const separate = await makeList({ issuer: signer })
  t.equal(await verdict([separate]), unclear, 'its certificate is not at hand')
  t.equal(await verdict([separate], { chain: [signer] }), good, 'a key of its own')
  const revokedSigner = await list({
    revoked: [{ serial: signer.serial }],
    thisUpdate: new Date(testTimeMs - 2 * dayMs),
  })
  t.equal(await verdict([separate, revokedSigner], { chain: [signer] }), good, 'another list still speaks')
  const named = await makeList({ issuer: signer, revoked: [{ serial: alice.serial }] })
  t.equal(await verdict([named], { chain: [signer] }), revoked)
})

/** An authority whose key usage allows certificates and not lists, and a user of it. */
async function mutedAuthority(): Promise<[IssuedCertificate, IssuedCertificate]> {
  const { basicConstraints } = await import('../../src/pki/extensions.js')
  const mute = await issueCertificate({
    ...{
      subject: name({ CN: 'Mute CA' }),
      extensions: [basicConstraints({ authority: true }), keyUsage(['keyCertSign'])],
    },
    ...{ notBefore: new Date(testTimeMs - dayMs), notAfter: new Date(testTimeMs + dayMs) },
  })
  return [await makeUser(mute), mute]
}

test('every certificate below the anchor is asked about; an intermediate ends its own path only', async (t) => {
  const sub = await makeCa('Sub', { issuer: ca })
  const user = await makeUser(sub)
  const below = { leaf: user, chain: [sub] }
  const subList = await makeList({ issuer: sub })
  t.equal(await verdict([await list(), subList], below), good)
  t.equal(await verdict([await list()], below), unclear)
  t.equal(await verdict([subList], below), unclear)
  t.equal(await verdict([await naming(sub), subList], below), revoked)
  t.equal(
    await verdict([await list(), await makeList({ issuer: sub, revoked: [{ serial: user.serial }] })], below),
    revoked,
  )
  const crossed = await makeCa('Sub', {
    issuer: ca,
    key: { publicKey: sub.publicKey, privateKey: sub.privateKey },
  })
  t.equal(
    await verdict([await naming(sub), subList], { leaf: user, chain: [sub, crossed] }),
    good,
    'another path does',
  )
})

test('what is critical and not known takes a list away, and so does anything that is not its form', async (t) => {
  const odd = (critical: boolean) => ({ type: '1.2.3.4', critical, value: Uint8Array.of(5, 0) })
  t.equal(await verdict([await list({ extensions: [odd(false)] })]), good)
  t.equal(await verdict([await list({ extensions: [odd(true)] })]), unclear)
  const entry = (critical: boolean) =>
    list({ revoked: [{ serial: bob.serial, extensions: [odd(critical)] }] })
  t.equal(await verdict([await entry(false)]), good)
  t.equal(await verdict([await entry(true)]), unclear, 'in an entry for somebody else, too')
  t.equal(await verdict([await list({ version: 1 })]), good)
  t.equal(await verdict([await naming(alice, { version: 1 })]), revoked)
  const der = await naming(alice)
  t.equal(await verdict([Buffer.concat([der, Uint8Array.of(0)])]), unclear, 'bytes behind it')
  t.equal(await verdict([der.slice(0, -1)]), unclear)
  t.equal(
    await verdict([
      await list({ extensions: [{ type: '2.5.29.20', critical: false, value: Uint8Array.of(2, 1, 1) }] }),
    ]),
    unclear,
    'an extension twice',
  )
})

test('a list for one kind of certificate, some reasons or one distribution point says nothing of others', async (t) => {
  t.equal(await verdict([await list({ scope: { only: 'user' } })]), good)
  t.equal(await verdict([await list({ scope: { only: 'authority' } })]), unclear)
  t.equal(await verdict([await list({ scope: { only: 'attribute' } })]), unclear)
  const some = [1, 2, 3, 4]
  const others = [5, 6, 7, 8]
  t.equal(await verdict([await list({ scope: { reasons: some } })]), unclear, 'not all reasons')
  t.equal(
    await verdict([await list({ scope: { reasons: some } }), await list({ scope: { reasons: others } })]),
    good,
  )
  t.equal(await verdict([await naming(alice, { scope: { reasons: some } })]), revoked)
  const [here, there] = [[{ uri: 'http://here/crl' }], [{ uri: 'http://there/crl' }]]
  const pointed = await makeUser(ca, { extensions: [distributionPoints([{ name: here }])] })
  const asked = { leaf: pointed }
  t.equal(await verdict([await list({ scope: { name: here } })], asked), good)
  t.equal(await verdict([await list({ scope: { name: there } })], asked), unclear)
  t.equal(await verdict([await list()], asked), good, 'one without a scope is for all')
  t.equal(await verdict([await list({ scope: { name: here } })]), unclear, 'a certificate without that point')
})

test('an indirect list speaks of those who name its issuer, under the name of their own', async (t) => {
  const other = await makeCa('Indirect', { issuer: ca })
  const otherName = name({ O: 'Mattermost', CN: 'Indirect' })
  const pointed = await makeUser(ca, { extensions: [distributionPoints([{ issuer: otherName }])] })
  const own = name({ O: 'Mattermost', CN: 'List CA' })
  const chain = [other]
  const indirect = (options: Partial<ListOptions>) =>
    makeList({ issuer: other, scope: { indirect: true }, ...options })
  t.equal(await verdict([await indirect({})], { leaf: pointed, chain }), good)
  t.equal(
    await verdict([await makeList({ issuer: other })], { leaf: pointed, chain }),
    unclear,
    'it is not indirect',
  )
  const entry = { serial: pointed.serial, certificateIssuer: own }
  t.equal(await verdict([await indirect({ revoked: [entry] })], { leaf: pointed, chain }), revoked)
  const unsaid = { serial: pointed.serial }
  t.equal(
    await verdict([await indirect({ revoked: [unsaid] })], { leaf: pointed, chain }),
    good,
    'that is a certificate of the list’s issuer',
  )
  const carried = [{ serial: '01', certificateIssuer: own }, unsaid]
  t.equal(
    await verdict([await indirect({ revoked: carried })], { leaf: pointed, chain }),
    revoked,
    'the issuer holds for what follows',
  )
  t.equal(await verdict([await indirect({})], { chain }), unclear, 'nobody sent this one there')
})

test('a list of changes adds to the complete list that it is made for, and takes off it', async (t) => {
  const complete = (options: Partial<ListOptions> = {}) => list({ number: 5, ...options })
  const delta = (options: Partial<ListOptions>) =>
    list({ number: 7, baseNumber: 5, thisUpdate: new Date(testTimeMs - 1_000), ...options })
  t.equal(await verdict([await complete(), await delta({ revoked: [{ serial: alice.serial }] })]), revoked)
  t.equal(await verdict([await delta({})]), unclear, 'alone it says nothing')
  const held = await complete({ revoked: [{ serial: alice.serial, reason: 6 }] })
  t.equal(await verdict([held]), revoked, 'on hold is revoked')
  t.equal(
    await verdict([held, await delta({ revoked: [{ serial: alice.serial, reason: 8 }] })]),
    good,
    'removed',
  )
  const later = await delta({ baseNumber: 6, revoked: [{ serial: alice.serial }] })
  t.equal(await verdict([await complete(), later]), good, 'made for a later one')
  const lapsed = await delta({
    revoked: [{ serial: alice.serial, reason: 8 }],
    nextUpdate: new Date(testTimeMs - 1),
  })
  t.equal(await verdict([held, lapsed]), revoked)
})

test('the newest of several lists speaks', async (t) => {
  const older = await naming(alice, { thisUpdate: new Date(testTimeMs - 3 * dayMs), number: 1 })
  const newer = await list({ number: 2 })
  t.equal(await verdict([older, newer]), good)
  t.equal(await verdict([newer, older]), good)
})

test('a list of one number over and over, or of countless issuers, is read in time or not at all', async (t) => {
  const entry = sequence(integer(alice.serial), time(new Date(testTimeMs)))
  const entries = Buffer.concat(Array.from({ length: 1_000_000 }, () => entry))
  const options = { key: newHashKey(), ownIssuer: 'CN=ca', version: 2 } as const
  const scanned = scanEntries(entries, { start: 0, end: entries.length }, options)
  t.equal(scanned.count, 1_000_000)
  t.equal(scanned.slots.filter((slot) => slot !== 0).length, 1)
  const revokedBy = Array.from({ length: 5_000 }, (_none, at) => ({
    ...{ serial: alice.serial, certificateIssuer: name({ CN: `CA ${at}` }) },
  }))
  const countless = await makeList({ issuer: ca, scope: { indirect: true }, revoked: revokedBy })
  t.throws(() => readCrl(countless, 'x'), /more than 4096 issuers/)
})
