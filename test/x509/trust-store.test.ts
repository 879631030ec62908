import { test } from 'tap'
import { Fault } from '../../src/core/faults.js'
import { PemError, readPemBundle } from '../../src/x509/pem.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import type { TrustDefinition } from '../../src/x509/trust-store.js'
import { createTrustStore, readTrustStore } from '../../src/x509/trust-store.js'
import { trustWarnings } from '../../src/x509/trust-warnings.js'
import { cachedKey, makeCa, makeGuideUser, makeUser, tampered, testTimeMs } from '../support/certificates.js'

function definition(anchors: string, intermediates: string | null = null): TrustDefinition {
  return {
    name: 'staff',
    anchors: { file: 'ca.pem', text: anchors },
    intermediates: intermediates === null ? null : { file: 'sub.pem', text: intermediates },
    require: { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: 5, policies: anyPolicies },
  }
}

test('a PEM bundle is read in order, with text around its blocks and any line ends', async (t) => {
  const [one, two] = [await makeCa('One'), await makeCa('Two')]
  const text = `# One\n${one.pem}Subject: Two\n----\n${two.pem.replaceAll('\n', '\r\n')}\n\n`
  t.strictSame(readPemBundle(text), [Uint8Array.from(one.der), Uint8Array.from(two.der)])
  t.strictSame(readPemBundle('no block at all'), [])
})

test('a PEM text that is not whole is refused with the line', async (t) => {
  const { pem, privateKeyPem } = await makeCa('One')
  const lines = pem.split('\n')
  const cases: [string, string, number][] = [
    ['no END', lines.slice(0, -2).join('\n'), 1],
    ['no BEGIN', lines.slice(1).join('\n'), lines.length - 2],
    ['a BEGIN inside', ['', ...lines.slice(0, 3), ...lines].join('\n'), 5],
    ['another END', pem.replace('-----END CERTIFICATE', '-----END X509 CRL'), lines.length - 1],
    ['garbage inside', lines.toSpliced(2, 0, 'not base64!').join('\n'), 3],
    ['a character too few', lines.toSpliced(1, 1, (lines[1] ?? '').slice(1)).join('\n'), 1],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', 1],
    ['a broken BEGIN', `-----BEGIN CERTIFICATE----\n${lines.slice(1).join('\n')}`, 1],
    ['a private key', `${pem}${privateKeyPem}`, lines.length],
  ]
  for (const [title, text, line] of cases) {
    try {
      readPemBundle(text)
      t.fail(title)
    } catch (error) {
      t.ok(error instanceof PemError, title)
      t.match(error, { line }, title)
    }
  }
})

test('everything that is wrong with the files is named at once, with file and line', async (t) => {
  const ca = await makeCa('CA')
  const broken = Buffer.from(tampered(ca.der, 1)).toString('base64')
  const bad = `${ca.pem}-----BEGIN CERTIFICATE-----\n${broken}\n-----END CERTIFICATE-----\n`
  const line = ca.pem.split('\n').length
  const { store, issues } = readTrustStore([
    definition(bad, 'nothing'),
    definition(`${ca.pem}-----BEGIN`),
    definition(ca.privateKeyPem),
  ])
  t.equal(store, null)
  t.strictSame(
    issues.map((issue) => [issue.file, issue.line]),
    [
      ['ca.pem', line],
      ['sub.pem', 1],
      ['ca.pem', line],
      ['ca.pem', 1],
    ],
  )
  t.throws(() => createTrustStore([definition(bad)]), { code: 'ERR_TRUST_FILE' })
  t.throws(() => createTrustStore([definition('')]), { code: 'ERR_TRUST_FILE' })
  t.throws(() => createTrustStore([]), Fault)
})

test('a store keeps each certificate once, and each store has a generation of its own', async (t) => {
  const ca = await makeCa('CA')
  const [first, second] = [
    createTrustStore([definition(ca.pem)]),
    createTrustStore([definition(ca.pem + ca.pem)]),
  ]
  t.not(first.generation, second.generation)
  t.equal(second.trusts[0]?.anchors.length, 1)
})

test('what the operator should know of an authority is a warning, no error', async (t) => {
  const dayMs = 86_400_000
  const past = { notBefore: new Date(testTimeMs - 20 * dayMs), notAfter: new Date(testTimeMs - 10 * dayMs) }
  const future = { notBefore: new Date(testTimeMs + 10 * dayMs), notAfter: new Date(testTimeMs + 20 * dayMs) }
  const ca = await makeCa('CA')
  const guideCa = await makeGuideUser(ca)
  const problemsOf = (anchors: string, intermediates: string | null = null) =>
    trustWarnings(createTrustStore([definition(anchors, intermediates)]), testTimeMs).map(
      ({ role, problem }) => `${role} ${problem}`,
    )
  t.strictSame(problemsOf(ca.pem), [])
  t.strictSame(problemsOf(guideCa.pem), [], 'an anchor of version 1 says nothing of being none')
  t.strictSame(problemsOf(ca.pem, guideCa.pem), ['intermediate not_an_authority'])
  t.strictSame(problemsOf((await makeCa('CA', past)).pem), ['anchor expired'])
  t.strictSame(problemsOf(ca.pem, (await makeCa('Sub', { issuer: ca, ...future })).pem), [
    'intermediate not_yet_valid',
  ])
  t.strictSame(problemsOf((await makeUser(ca)).pem), ['anchor not_an_authority'])
  const weak = await makeCa('CA', { key: await cachedKey({ kind: 'rsa', bits: 1024 }) })
  t.strictSame(problemsOf(weak.pem), ['anchor key_too_weak'])
  t.strictSame(problemsOf((await makeCa('CA', { key: { kind: 'ed448' } })).pem), ['anchor algorithm_refused'])
})
