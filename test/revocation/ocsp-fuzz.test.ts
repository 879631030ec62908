// 5,000 mutated OCSP responses, half of them signed anew so that they get past the signature.
// bench/fuzz-revocation.mjs runs 100,000 and holds time and memory.
import { randomInt } from 'node:crypto'
import { test } from 'tap'
import { mutate, mutations, randomFrom } from '../../bench/fuzz-mutations.mjs'
import {
  bitString,
  contextConstructed,
  encode,
  objectIdentifier,
  octetString,
  sequence,
} from '../../src/pki/der-writer.js'
import { extendedKeyUsage, keyUsage } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { signerFor } from '../../src/pki/signing.js'
import { type OcspResponse, parseOcspAnswer } from '../../src/revocation/ocsp/response.js'
import { statusIn } from '../../src/revocation/ocsp/status-in.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { testTimeMs as atMs, makeCa, makeUser } from '../support/certificates.js'
import { makeResponse, parsed, type SingleOptions } from '../support/ocsp-response.js'

const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const count = 5_000
/** Only a hang takes as long on any machine. */
const hangMs = 5_000

const ca = await makeCa('Fuzz CA')
const alice = await makeUser(ca)
const delegate = await makeUser(ca, {
  ...{ commonName: 'responder', email: null },
  extensions: [keyUsage(['digitalSignature']), extendedKeyUsage(['1.3.6.1.5.5.7.3.9'])],
})
const nonce = Buffer.alloc(32, 0xab)
const question = {
  ...{ certificate: parsed(alice), issuer: parsed(ca), atMs },
  trust: {
    ...{ name: 't', anchors: [parsed(ca)], intermediates: [] },
    require: { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: null, policies: anyPolicies },
  },
} as const

/** An answer as a responder sends it, and who signs it. */
interface Original {
  readonly answer: Uint8Array
  readonly response: OcspResponse
  readonly signer: IssuedCertificate
}

async function original(signer: IssuedCertificate, status: SingleOptions['status']): Promise<Original> {
  const singles = [{ of: alice, issuer: ca, ...(status === undefined ? {} : { status }) }]
  const certificates = signer === ca ? [] : [signer]
  const answer = await makeResponse({ atMs, signer, singles, certificates, nonce })
  return { answer, response: read(answer), signer }
}

function read(answer: Uint8Array): OcspResponse {
  const found = parseOcspAnswer(answer)
  if ('failure' in found) throw new Error(found.failure)
  return found.response
}

/** Around another signed part, signed as if it had been meant. */
async function signedAnew(tbs: Uint8Array, { signer: by }: Original): Promise<Uint8Array> {
  const signer = signerFor(by.privateKey)
  const certificates = by === ca ? [] : [contextConstructed(0, sequence(by.der))]
  const basic = sequence(tbs, signer.algorithm, bitString(await signer.sign(tbs)), ...certificates)
  const type = objectIdentifier('1.3.6.1.5.5.7.48.1.1')
  return sequence(encode(0x0a, Uint8Array.of(0)), contextConstructed(0, sequence(type, octetString(basic))))
}

async function kindOf(answer: Uint8Array): Promise<string> {
  return (await statusIn(answer, question, { source: 'fuzz', nonce: nonce.toString('hex') })).kind
}

/** Signed part and signature are what they were: what stands around them proves nothing. */
function saysTheSame(changed: Uint8Array, { response }: Original): boolean {
  const { tbs, signature } = read(changed)
  return Buffer.compare(tbs, response.tbs) === 0 && Buffer.compare(signature, response.signature) === 0
}

test(`mutated responses are refused, or say what was signed (FUZZ_SEED=${seed})`, {
  timeout: 300_000,
}, async (t) => {
  t.comment(`FUZZ_SEED=${seed}`)
  const originals = [
    await original(ca, 'good'),
    await original(delegate, 'good'),
    await original(ca, 'revoked'),
  ] as const
  t.strictSame(await Promise.all(originals.map(({ answer }) => kindOf(answer))), ['good', 'good', 'revoked'])
  const random = randomFrom(seed)
  const wrong: string[] = []
  const kinds = new Set<string>()
  for (let number = 0; number < count; number += 1) {
    const mutation = mutations[number % mutations.length] ?? 'bits'
    const from = originals[number % 3] ?? originals[0]
    const change = (bytes: Uint8Array) => mutate(Buffer.from(bytes), mutation, random)
    const isSigned = random() < 0.5
    const changed = isSigned ? await signedAnew(change(from.response.tbs), from) : change(from.answer)
    const began = performance.now()
    try {
      const kind = await kindOf(changed)
      kinds.add(kind)
      if (kind !== 'unknown' && !isSigned && !saysTheSame(changed, from))
        wrong.push(`${number} ${mutation}: ${kind}`)
    } catch (cause) {
      wrong.push(`${number} ${mutation}: ${String(cause)}`)
    }
    if (performance.now() - began > hangMs) wrong.push(`${number} ${mutation}: hangs`)
  }
  t.strictSame(wrong, [])
  // Signed anew, many get as far as the rules; otherwise this test would look at little.
  for (const kind of ['good', 'revoked', 'unknown']) t.ok(kinds.has(kind), kind)
})
