// The conformance cases of public suites, by the verifier that the gate uses, as it was built into dist/.
// They belong to their suites and are not part of this tree: MATTERGATE_CONFORMANCE names their folder, by
// default it is shared/conformance/cases in a folder above.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test } from 'tap'
import { certificatePolicies, extendedKeyUsage } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { anyPolicy, keyPurposes } from '../../src/x509/object-identifiers.js'
import { makeCa, makeUser, testTime } from '../support/certificates.js'
import { makeList } from '../support/revocation-list.js'
import type { ConformanceInput } from './adapter.mjs'

const root = resolve(import.meta.dirname, '../..')
const corpus = process.env.MATTERGATE_CONFORMANCE ?? folderAbove(root, 'shared/conformance/cases')
const judged = ['core', 'crl', 'policy', 'ocsp', 'parse']

interface Row {
  readonly id: string
  readonly tier: string
  readonly outcome: string
  readonly reason?: string
}

function folderAbove(from: string, name: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, name)
    if (existsSync(found)) return found
    if (folder === dirname(folder)) return null
  }
}

/** Milliseconds since 1970. */
function newest(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return Math.max(...files.map((file) => statSync(join(folder, file)).mtimeMs))
}

function judge(folder: string): readonly Row[] {
  const out = mkdtempSync(join(tmpdir(), 'mattergate-conformance-'))
  try {
    const results = join(out, 'results.json')
    const runner = join(folder, '../run.mjs')
    const adapter = join(import.meta.dirname, 'adapter.mjs')
    const args = [runner, adapter, '--corpus', folder, '--out', results, '--jobs', '2']
    const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    if (!existsSync(results)) throw new Error(`the cases could not be run: ${stderr}`)
    const read = JSON.parse(readFileSync(results, 'utf8')) as { readonly results: readonly Row[] }
    return read.results
  } finally {
    rmSync(out, { recursive: true })
  }
}

function base64({ der }: { readonly der: Uint8Array }): string {
  return Buffer.from(der).toString('base64')
}

function inputOf(
  leaf: IssuedCertificate,
  [anchor, ...intermediates]: readonly IssuedCertificate[],
  more: Partial<ConformanceInput> = {},
): ConformanceInput {
  return {
    leaf: base64(leaf),
    intermediates: intermediates.map(base64),
    anchors: anchor === undefined ? [] : [base64(anchor)],
    crls: [],
    ocsp: [],
    revocation: 'none',
    time: testTime.toISOString(),
    purpose: 'clientAuth',
    policies: { initial: [anyPolicy], requireExplicit: false, inhibitMapping: false, inhibitAny: false },
    maxDepth: null,
    minRsaBits: null,
    ...more,
  }
}

test('dist/ was built after the last change of what the cases are judged by', (t) => {
  const built = join(root, 'dist/x509/verifier.js')
  t.ok(existsSync(built), 'npm run build')
  const sources = ['core', 'x509', 'revocation'].map((room) => newest(join(root, 'src', room)))
  t.ok(existsSync(built) && statSync(built).mtimeMs >= Math.max(...sources), 'npm run build')
  t.end()
})

test('every input of a case is handed to the verifier', async (t) => {
  const { validate } = await import('./adapter.mjs')
  const accepts = async (input: ConformanceInput) => (await validate(input)).accepted
  const ca = await makeCa('CA')
  const sub = await makeCa('Sub', { issuer: ca, extensions: [certificatePolicies(['1.2.3'])] })
  const server = extendedKeyUsage([keyPurposes.serverAuth])
  const leaf = await makeUser(sub, { extensions: [server, certificatePolicies(['1.2.3'])] })
  const path = [ca, sub]
  const input = inputOf(leaf, path, { purpose: 'serverAuth' })
  t.ok(await accepts(input))
  t.notOk(await accepts({ ...input, anchors: [] }))
  t.notOk(await accepts({ ...input, anchors: ['MAA='] }))
  t.notOk(await accepts({ ...input, intermediates: [] }))
  t.notOk(await accepts({ ...input, leaf: 'MAA=' }))
  t.notOk(await accepts({ ...input, time: '2099-01-01T00:00:00Z' }))
  t.notOk(await accepts({ ...input, purpose: 'clientAuth' }))
  t.ok(await accepts({ ...input, purpose: 'any' }))
  t.notOk(await accepts({ ...input, maxDepth: 0 }))
  t.ok(await accepts({ ...input, maxDepth: 1 }))
  const explicit = { ...input.policies, requireExplicit: true }
  t.ok(await accepts({ ...input, policies: { ...explicit, initial: ['1.2.3'] } }))
  t.notOk(await accepts({ ...input, policies: { ...explicit, initial: ['1.2.4'] } }))
  const rsa = await makeUser(ca, { key: { kind: 'rsa', bits: 2048 } })
  t.ok(await accepts(inputOf(rsa, [ca], { minRsaBits: 2048 })))
  t.notOk(await accepts(inputOf(rsa, [ca], { minRsaBits: 3072 })))
  t.notOk(await accepts({ ...input, revocation: 'crl' }), 'no list')
  t.notOk(await accepts({ ...input, revocation: 'ocsp' }), 'no response')
  const lists = await Promise.all(path.map((issuer) => makeList({ issuer })))
  const crls = lists.map((der) => Buffer.from(der).toString('base64'))
  t.ok(await accepts({ ...input, revocation: 'crl', crls }))
  const revoking = await makeList({ issuer: sub, revoked: [{ serial: leaf.serial }] })
  const both = [...crls.slice(0, 1), Buffer.from(revoking).toString('base64')]
  t.notOk(await accepts({ ...input, revocation: 'crl', crls: both }))
})

test('docs/divergences.md cites tests that there are', (t) => {
  const text = readFileSync(join(root, 'docs/divergences.md'), 'utf8')
  const citations = [...text.matchAll(/`(test\/[^`]+\.test\.ts)`:\s((?:“[^”]+”,?\s)+)/g)]
  t.ok(citations.length > 20)
  for (const [, file = '', quoted = ''] of citations) {
    const source = readFileSync(join(root, file), 'utf8')
    for (const [, title = ''] of quoted.matchAll(/“([^”]+)”/g))
      t.ok(source.includes(title), `${file}: ${title}`)
  }
  t.end()
})

test('the cases of the public suites are decided as they have to be', { timeout: 300_000 }, (t) => {
  if (corpus === null || !existsSync(corpus)) {
    console.error(
      '\n*** The conformance cases are NOT here and were NOT run: set MATTERGATE_CONFORMANCE. ***\n',
    )
    t.not(process.env.CI, 'true', 'CI has the conformance cases beside the checkout')
    t.end()
    return
  }
  const rows = judge(corpus)
  t.ok(rows.length > 0)
  const divergences = readFileSync(join(root, 'docs/divergences.md'), 'utf8')
  const wrong = rows.filter(({ outcome }) => outcome !== 'right')
  const described = wrong.map(({ id, tier, outcome, reason }) => ({ id, tier, outcome, reason }))
  t.strictSame(
    described.filter(({ outcome }) => !/^false(?:Accept|Reject)$/.test(outcome)),
    [],
    'no answer',
  )
  const serious = described.filter(({ tier }) => judged.includes(tier))
  t.strictSame(
    serious.filter(({ outcome }) => outcome === 'falseAccept'),
    [],
    'false accepts',
  )
  const unexplained = described.filter(
    ({ tier, id }) => tier !== 'webpki' && !divergences.includes(`\`${id}\``),
  )
  t.strictSame(unexplained, [], 'differences that docs/divergences.md does not give the reason of')
  t.end()
})
