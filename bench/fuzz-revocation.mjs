// Mutated CRLs and OCSP responses, half of them signed anew so that they get past the signature, judged as the
// gateway judges them. What was not signed anew may say something only where its signed part and
// its signature are as they were; a throw, or more than 50 ms or 64 MiB for one, fails the run.
//   npm run build && node bench/fuzz-revocation.mjs [--count 100000] [--seed N]
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { readCrl } from '../dist/revocation/crl/crl.js'
import { readLists } from '../dist/revocation/crl/crl-files.js'
import { CrlSource } from '../dist/revocation/crl/crl-source.js'
import { parseOcspAnswer } from '../dist/revocation/ocsp/response.js'
import { statusIn } from '../dist/revocation/ocsp/status-in.js'
import { inPlace } from '../dist/x509/path-status.js'
import { anyPolicies } from '../dist/x509/requirements.js'
import { mutate } from './fuzz-mutations.mjs'
import { fuzz } from './fuzz-run.mjs'
import { answerOf, listOf, makeSamples, responseOf } from './revocation-samples.mjs'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string' } },
})
const count = Number(values.count)
const seed = Number(values.seed ?? randomInt(2 ** 31))
console.log(`seed ${seed}`)

const now = Math.floor(Date.now() / 1000) * 1000
const samples = await makeSamples(now)
const { issuer, certificate, signed } = samples
const question = {
  ...{ certificate, issuer, presented: [], atMs: now, aside: inPlace },
  path: { anchor: issuer, certificates: [certificate], unchecked: [] },
  trust: {
    ...{ name: 'fuzz', anchors: [issuer], intermediates: [] },
    require: { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: null, policies: anyPolicies },
  },
}

async function listStatus(der) {
  const { lists, issues } = await readLists(Buffer.from(der), 'fuzz')
  if (issues.length > 0) return 'not read'
  const source = new CrlSource({ lists: () => lists, fetched: null, graceMs: 0 })
  return (await source.status(question)).kind
}

const responseStatus = async (der) => (await statusIn(der, question, { source: 'fuzz', nonce: null })).kind

/** What was signed, and the signature: where both are as they were, it may say what it said. */
function listProof(der) {
  const { head } = readCrl(der, 'fuzz')
  return [der.subarray(head.tbs.start, head.tbs.end), head.signature]
}

function responseProof(der) {
  const { response } = parseOcspAnswer(der)
  return [response.tbs, response.signature]
}

function rounds({ tbs, wrap, status, proof }) {
  const original = wrap(signed(tbs))
  const proven = proof(original)
  const isProven = (der) => proof(der).every((bytes, at) => Buffer.compare(bytes, proven[at]) === 0)
  return {
    make: ({ mutation, random }) => {
      const change = (bytes) => mutate(Buffer.from(bytes), mutation, random)
      const isSigned = random() < 0.5
      return { isSigned, changed: isSigned ? wrap(signed(change(tbs))) : change(original) }
    },
    judge: async ({ isSigned, changed }) => {
      const kind = await status(changed)
      const says = kind === 'good' || kind === 'revoked'
      if (says && !isSigned && !isProven(changed)) throw new Error(`${kind}, and forged`)
      return says && !isSigned ? `${kind}, signed part and signature as they were` : kind
    },
  }
}

const kinds = [
  { what: 'CRLs', tbs: listOf(samples), wrap: (der) => der, status: listStatus, proof: listProof },
  {
    ...{ what: 'OCSP responses', tbs: responseOf(samples), wrap: answerOf },
    ...{ status: responseStatus, proof: responseProof },
  },
]
for (const { what, tbs, wrap, status } of kinds)
  if ((await status(wrap(signed(tbs)))) !== 'good') throw new Error(`not good before any change: ${what}`)
const results = []
for (const kind of kinds) results.push(await fuzz({ what: kind.what, count, seed, ...rounds(kind) }))
process.exitCode = results.every(Boolean) ? 0 : 1
