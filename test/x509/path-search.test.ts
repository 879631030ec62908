// Which paths are tried, in which order, what revocation is asked about them, and what `explain` is told.
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { extendedKeyUsage } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { configuredLimits, type ParsedCertificate, parseCertificate } from '../../src/x509/certificate.js'
import type { ExaminedPath } from '../../src/x509/examination.js'
import { keyPurposes } from '../../src/x509/object-identifiers.js'
import { type DeadEnd, findPaths } from '../../src/x509/path-building.js'
import type { PathStatus, PathStatusChecker, StatusQuestion } from '../../src/x509/path-status.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import type { CertificateFacts } from '../../src/x509/verified-certificate.js'
import { Verifier } from '../../src/x509/verifier.js'
import { cachedKey, makeCa, makeUser, testTimeMs } from '../support/certificates.js'

const dayMs = 86_400_000
const past = { notBefore: new Date(testTimeMs - 20 * dayMs), notAfter: new Date(testTimeMs - 10 * dayMs) }
const serversOnly = { extensions: [extendedKeyUsage([keyPurposes.serverAuth])] }

function verifierFor(
  trusts: Readonly<Record<string, readonly IssuedCertificate[]>>,
  status: PathStatusChecker | null = null,
): Verifier {
  const require = {
    clientAuth: 'if-stated',
    minRsaBits: 2048,
    maxPathLength: null,
    policies: anyPolicies,
  } as const
  const definitions = Object.entries(trusts).map(([name, anchors]) => ({
    name,
    anchors: { file: 'ca.pem', text: anchors.map(({ pem }) => pem).join('') },
    intermediates: null,
    require,
  }))
  return new Verifier(createTrustStore(definitions), status)
}

const ders = (certificates: readonly IssuedCertificate[]) => certificates.map(({ der }) => der)

async function verdict(
  verifier: Verifier,
  leaf: IssuedCertificate,
  chain: readonly IssuedCertificate[] = [],
): Promise<string> {
  const found = await verifier.verify(leaf.der, ders(chain), testTimeMs)
  return found instanceof Refusal ? found.code : found.trust
}

const good: PathStatus = { refusal: null, endsPathOnly: false, validUntil: Infinity, findings: [] }

/** Answers in turn, and remembers what it was asked. */
class Answers implements PathStatusChecker {
  readonly asked: StatusQuestion[] = []
  readonly #answers: readonly PathStatus[]

  constructor(...answers: readonly PathStatus[]) {
    this.#answers = answers
  }

  async check(question: StatusQuestion): Promise<PathStatus> {
    this.asked.push(question)
    return this.#answers[this.asked.length - 1] ?? good
  }
}

function refusing(code: 'certificate_revoked' | 'revocation_unknown', endsPathOnly: boolean): PathStatus {
  return { ...good, refusal: new Refusal(code), endsPathOnly }
}

/** One authority under two anchors of one trust, and a leaf below it. */
async function crossed() {
  const [first, second] = [await makeCa('First'), await makeCa('Second')]
  const key = await cachedKey({ kind: 'ec', curve: 'P-256' }, 7)
  const chain = [await makeCa('Sub', { issuer: first, key }), await makeCa('Sub', { issuer: second, key })]
  const [sub] = chain
  if (sub === undefined) throw new Error('no authority')
  return { first, second, chain, leaf: await makeUser(sub) }
}

test('revocation is asked about a path that is valid, and about no other', async (t) => {
  const ca = await makeCa('CA')
  const answers = new Answers()
  const verifier = verifierFor({ staff: [ca] }, answers)
  t.equal(await verdict(verifier, await makeUser(ca, past)), 'certificate_expired')
  t.equal(await verdict(verifier, await makeUser(await makeCa('CA'))), 'chain_untrusted')
  t.equal(await verdict(verifier, await makeUser(ca, serversOnly)), 'usage_unsuitable')
  t.equal(answers.asked.length, 0)
  const helper = await makeCa('Helper')
  t.equal(await verdict(verifier, await makeUser(ca), [helper]), 'staff')
  t.equal(answers.asked.length, 1)
  t.equal(answers.asked[0]?.presented.length, 1)
  t.equal(answers.asked[0]?.trust.name, 'staff')
  t.equal(answers.asked[0]?.atMs, testTimeMs)
})

test('what revocation says of an intermediate ends its path only, of the leaf everything', async (t) => {
  const { first, second, chain, leaf } = await crossed()
  const anchors = [first, second]
  const once = new Answers(refusing('certificate_revoked', true))
  t.equal(await verdict(verifierFor({ staff: anchors }, once), leaf, chain), 'staff')
  t.equal(once.asked.length, 2)
  const twice = new Answers(refusing('certificate_revoked', true), refusing('revocation_unknown', true))
  t.equal(await verdict(verifierFor({ staff: anchors }, twice), leaf, chain), 'certificate_revoked')
  const next = new Answers(refusing('certificate_revoked', true))
  t.equal(await verdict(verifierFor({ staff: [first], guests: [second] }, next), leaf, chain), 'guests')
  for (const code of ['certificate_revoked', 'revocation_unknown'] as const) {
    const final = new Answers(refusing(code, false))
    t.equal(await verdict(verifierFor({ staff: [first], guests: anchors }, final), leaf, chain), code)
    t.equal(final.asked.length, 1)
  }
})

test('a verdict holds no longer than what revocation said, and carries what was found', async (t) => {
  const ca = await makeCa('CA')
  const leaf = await makeUser(ca, { notAfter: new Date(testTimeMs + dayMs) })
  const finding = { subject: 'CN=x', status: 'good', source: 'list', thisUpdate: null, detail: null } as const
  for (const [until, expected] of [
    [testTimeMs + 5, testTimeMs + 5],
    [Infinity, testTimeMs + dayMs],
  ] as const) {
    const answers = new Answers({ ...good, validUntil: until, findings: [finding] })
    const found = await verifierFor({ staff: [ca] }, answers).verify(leaf.der, [], testTimeMs)
    t.match(found, { validUntil: expected, findings: [finding] })
  }
})

test('an authority that was sent along before has to be sent along again', async (t) => {
  const ca = await makeCa('CA')
  const sub = await makeCa('Sub', { issuer: ca })
  const verifier = verifierFor({ staff: [ca] })
  t.equal(await verdict(verifier, await makeUser(sub), [sub]), 'staff')
  t.equal(await verdict(verifier, await makeUser(sub), [sub]), 'staff')
  t.equal(await verdict(verifier, await makeUser(sub)), 'chain_untrusted')
})

test('a valid path is found among many more bad ones than could all be tried', async (t) => {
  const ca = await makeCa('CA')
  const key = (at: number) => cachedKey({ kind: 'ec', curve: 'P-256' }, at)
  const names = Array.from({ length: 6 }, (_none, at) => `N${at}`)
  const nodes = await Promise.all(names.map(async (name, at) => makeCa(name, { key: await key(at) })))
  const between = (bad: object) =>
    Promise.all(
      nodes.flatMap((issuer) =>
        nodes.map(async (subject, at) =>
          subject === issuer ? [] : [await makeCa(`N${at}`, { issuer, key: await key(at), ...bad })],
        ),
      ),
    )
  const mesh = (await between(past)).flat()
  const [start] = nodes
  if (start === undefined) throw new Error('no node')
  const leaf = await makeUser(start)
  const wayOut = await makeCa('N5', { issuer: ca, key: await key(5) })
  const step = await makeCa('N0', { issuer: wayOut, key: await key(0) })
  const chain = [...mesh, wayOut, step]
  t.equal(await verdict(verifierFor({ staff: [ca] }), leaf, chain), 'staff')
  t.equal(await verdict(verifierFor({ staff: [ca] }), leaf, [...mesh, wayOut]), 'certificate_expired')
})

const commonName = ({ subject }: CertificateFacts) => /CN=(\w+)/.exec(subject)?.[1]

test('an examination lists every path that was tried, and why it does not do', async (t) => {
  const { first, second, chain, leaf } = await crossed()
  const answers = new Answers(refusing('certificate_revoked', true))
  const verifier = verifierFor({ staff: [first], guests: [second] }, answers)
  const found = await verifier.examine(leaf.der, ders(chain), testTimeMs)
  if (found instanceof Refusal) throw new Error(found.detail)
  t.notOk(found.isCut)
  const short = ({ trust, certificates, anchor, refusal }: ExaminedPath) => [
    trust,
    certificates.map(commonName).join(' '),
    anchor === null ? null : commonName(anchor),
    refusal?.code ?? 'valid',
  ]
  t.strictSame(found.paths.map(short), [
    ['staff', 'mmuser Sub', 'First', 'certificate_revoked'],
    ['guests', 'mmuser Sub', 'Second', 'valid'],
  ])
  const stray = await verifier.examine(leaf.der, [], testTimeMs)
  if (stray instanceof Refusal) throw new Error(stray.detail)
  t.strictSame(stray.paths.map(short), [
    ['staff', 'mmuser', null, 'chain_untrusted'],
    ['guests', 'mmuser', null, 'chain_untrusted'],
  ])
  const namesake = await makeCa('Sub', { issuer: first })
  const forged = await verifier.examine(leaf.der, [namesake.der], testTimeMs)
  t.match(forged, {
    paths: [{ certificates: { length: 2 }, anchor: null, refusal: { code: 'chain_untrusted' } }, {}],
  })
  t.match(await verifier.examine(new Uint8Array(), [], testTimeMs), { code: 'certificate_malformed' })
})

test('an examination of more paths than anyone reads is cut', async (t) => {
  const ca = await makeCa('CA')
  const key = await cachedKey({ kind: 'ec', curve: 'P-256' }, 8)
  const anchors = await Promise.all(
    Array.from({ length: 70 }, async (_none, at) =>
      makeCa('CA', { key, serial: `01${String(at).padStart(2, '0')}` }),
    ),
  )
  const issuer = { ...ca, privateKey: key.privateKey }
  const found = await verifierFor({ staff: anchors }).examine(
    (await makeUser(issuer, past)).der,
    [],
    testTimeMs,
  )
  t.match(found, { isCut: true, paths: { length: 64 } })
})

test('an examination says that a search was given up, and lists nothing that was not tried', async (t) => {
  const issuer = await makeCa('Sub')
  const leaf = await makeUser(issuer)
  const namesakes = await Promise.all(Array.from({ length: 130 }, () => makeCa('Sub')))
  const examine = (anchors: number) =>
    verifierFor({ staff: namesakes.slice(0, anchors) }).examine(leaf.der, [], testTimeMs)
  t.match(await examine(60), { isCut: false, isSearchCut: false, paths: { length: 60 } })
  t.match(await examine(70), { isCut: true, isSearchCut: false })
  const found = await verifierFor({ staff: namesakes, guests: [issuer] }).examine(leaf.der, [], testTimeMs)
  t.match(found, { isCut: true, paths: { length: 65, 64: { trust: 'guests', refusal: null } } })
  t.match(await examine(130), { isCut: true, isSearchCut: true, paths: { length: 64 } })
})

test('a path of more than sixteen intermediates is not followed', async (t) => {
  const anchor = await makeCa('Anchor')
  const chain: IssuedCertificate[] = []
  for (let at = 0; at < 17; at += 1) chain.push(await makeCa(`Sub ${at}`, { issuer: chain.at(-1) ?? anchor }))
  const [last, before] = [chain.at(-1), chain.at(-2)]
  if (last === undefined || before === undefined) throw new Error('no chain')
  t.equal(await verdict(verifierFor({ staff: [anchor] }), await makeUser(before), chain), 'staff')
  t.equal(await verdict(verifierFor({ staff: [anchor] }), await makeUser(last), chain), 'chain_untrusted')
})

test('a search ends where the signatures that it may check are used up, and says so', async (t) => {
  const anchor = await makeCa('Anchor')
  const namesakes = await Promise.all(Array.from({ length: 150 }, () => makeCa('Sub', { issuer: anchor })))
  const leaf = await makeUser(await makeCa('Sub'))
  const read = ({ der }: IssuedCertificate): ParsedCertificate => {
    const certificate = parseCertificate(der, configuredLimits)
    if (certificate instanceof Refusal) throw new Error(certificate.detail)
    return certificate
  }
  const ends: DeadEnd['why'][] = []
  const search = {
    leaf: read(leaf),
    anchors: [read(anchor)],
    intermediates: namesakes.map(read),
    onDeadEnd: ({ why }: DeadEnd) => ends.push(why),
  }
  for await (const path of findPaths(search)) t.fail('there is no path', path)
  t.equal(ends.filter((why) => why === 'bad signature').length, 128)
  t.equal(ends.filter((why) => why === 'too costly').length, 22)
})
