// This validator beside the installed OpenSSL and bare pkijs, on the conformance cases:
//   npm run conformance [-- FOLDER]
// FOLDER holds the cases and is by default $MATTERGATE_CONFORMANCE, or shared/conformance/cases in a folder above.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const adapters = [
  ['mattergate', '../test/conformance/adapter.mjs'],
  ['OpenSSL', 'conformance-openssl.mjs'],
  ['pkijs', 'conformance-pkijs.mjs'],
]
const judged = ['core', 'crl', 'policy', 'ocsp', 'parse']
const wrong = ['falseAccept', 'falseReject', 'timeout', 'crash', 'error']

const corpus = process.argv[2] ?? process.env.MATTERGATE_CONFORMANCE ?? findCorpus(import.meta.dirname)
if (corpus === null || !existsSync(corpus)) {
  console.error('There are no conformance cases here. They are not part of mattergate: name their folder.')
  process.exit(1)
}
const results = adapters.map(([name, file]) => [name, run(file)])
print(results)
const own = results[0][1].filter(({ tier }) => judged.includes(tier))
process.exitCode = own.some(({ outcome }) => outcome !== 'right' && outcome !== 'falseReject') ? 1 : 0

function findCorpus(from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'shared/conformance/cases')
    if (existsSync(found)) return found
    if (folder === dirname(folder)) return null
  }
}

function run(adapter) {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  const out = join(folder, 'results.json')
  const runner = join(resolve(corpus), '../run.mjs')
  const args = [runner, join(import.meta.dirname, adapter), '--corpus', resolve(corpus), '--out', out]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status === 2) throw new Error(stderr)
  const { results: rows } = JSON.parse(readFileSync(out, 'utf8'))
  rmSync(folder, { recursive: true })
  return rows
}

function print(all) {
  const tiers = [...judged, 'pedantic', 'webpki']
  const rows = tiers.map((tier) => [tier, (row) => row.tier === tier])
  const total = ['together', (row) => judged.includes(row.tier)]
  rows.splice(judged.length, 0, total)
  console.log('Wrong decisions: accepted though invalid / refused though valid / no answer in 5 s / failed\n')
  console.log(`| tier | cases | ${all.map(([name]) => name).join(' | ')} |`)
  console.log(`| --- | --- |${all.map(() => ' --- |').join('')}`)
  for (const [tier, isOf] of rows) {
    const cells = all.map(([, found]) => cell(found.filter(isOf)))
    console.log(`| ${tier} | ${all[0][1].filter(isOf).length} | ${cells.join(' | ')} |`)
  }
}

function cell(rows) {
  const count = (outcome) => rows.filter((row) => row.outcome === outcome).length
  const [accepted, refused, late, ...failed] = wrong.map(count)
  return [accepted, refused, late, failed[0] + failed[1]].join(' / ')
}
