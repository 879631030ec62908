// 5,000 mutated CRLs, half of them signed anew so that they get past the signature. bench/fuzz-revocation.mjs
// runs 100,000 and holds time and memory.
import { randomInt } from 'node:crypto'
import { test } from 'tap'
import { mutate, mutations, randomFrom } from '../../bench/fuzz-mutations.mjs'
import { readCrl } from '../../src/revocation/crl/crl.js'
import { readLists } from '../../src/revocation/crl/crl-files.js'
import { CrlSource } from '../../src/revocation/crl/crl-source.js'
import { readDer } from '../../src/x509/der.js'
import { inPlace } from '../../src/x509/path-status.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { makeCa, makeUser, testTimeMs } from '../support/certificates.js'
import { parsed } from '../support/ocsp-response.js'
import { makeList } from '../support/revocation-list.js'
import { signedTbs } from '../x509/resigned.js'

const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const count = 5_000
/** Only a hang takes as long on any machine. */
const hangMs = 5_000

const ca = await makeCa('Fuzz CA')
const [alice, bob] = [await makeUser(ca), await makeUser(ca)]
const trust = {
  ...{ name: 't', anchors: [parsed(ca)], intermediates: [] },
  require: { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: null, policies: anyPolicies },
} as const
const path = { anchor: parsed(ca), certificates: [parsed(alice)], unchecked: [] }
const question = {
  ...{ certificate: parsed(alice), issuer: parsed(ca), trust, path, presented: [] },
  ...{ atMs: testTimeMs, aside: inPlace },
}

async function kindOf(der: Uint8Array): Promise<string> {
  const { lists, issues } = await readLists(Buffer.from(der), 'fuzz')
  if (issues.length > 0) return 'not read'
  return (await new CrlSource({ lists: () => lists, fetched: null, graceMs: 0 }).status(question)).kind
}

/** Signed part and signature are what they were: what stands around them proves nothing. */
function saysTheSame(changed: Uint8Array, original: Uint8Array): boolean {
  const [one, other] = [changed, original].map((der) => {
    const { tbs, signature } = readCrl(der, 'fuzz').head
    return Buffer.concat([der.subarray(tbs.start, tbs.end), signature])
  })
  return one !== undefined && other !== undefined && one.equals(other)
}

test(`mutated lists are refused, or say what was signed (FUZZ_SEED=${seed})`, {
  timeout: 300_000,
}, async (t) => {
  t.comment(`FUZZ_SEED=${seed}`)
  const revoked = Array.from({ length: 20 }, (_none, at) => ({ serial: `10${at + 10}`, reason: 1 }))
  const lists = [
    await makeList({ issuer: ca, revoked: [...revoked, { serial: bob.serial }] }),
    await makeList({ issuer: ca, revoked: [{ serial: alice.serial }, ...revoked] }),
  ]
  t.strictSame(await Promise.all(lists.map(kindOf)), ['good', 'revoked'])
  const random = randomFrom(seed)
  const wrong: string[] = []
  const kinds = new Set<string>()
  for (let number = 0; number < count; number += 1) {
    const mutation = mutations[number % mutations.length] ?? 'bits'
    const original = lists[number % 2] ?? new Uint8Array()
    const [tbs] = readDer(original, {
      maxBytes: 65_536,
      maxDepth: 24,
      maxNodes: 4_096,
      maxOidBytes: 128,
    }).children
    const change = (bytes: Uint8Array) => mutate(Buffer.from(bytes), mutation, random)
    const isSigned = random() < 0.5
    const changed = isSigned ? await signedTbs(change(tbs?.bytes ?? original), ca) : change(original)
    const began = performance.now()
    try {
      const kind = await kindOf(changed)
      kinds.add(kind)
      if ((kind === 'good' || kind === 'revoked') && !isSigned && !saysTheSame(changed, original))
        wrong.push(`${number} ${mutation}: ${kind}`)
    } catch (cause) {
      wrong.push(`${number} ${mutation}: ${String(cause)}`)
    }
    if (performance.now() - began > hangMs) wrong.push(`${number} ${mutation}: hangs`)
  }
  t.strictSame(wrong, [])
  // Signed anew, many get as far as the rules; otherwise this test would look at little.
  for (const kind of ['good', 'revoked', 'unknown', 'not read']) t.ok(kinds.has(kind), kind)
})
