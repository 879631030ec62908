// 5,000 mutated certificates, half of them signed anew so that they get past the signature: only clean refusals,
// or paths that hold. bench/fuzz-certificates.mjs runs 100,000 and holds time and memory.
import { randomInt } from 'node:crypto'
import { test } from 'tap'
import { mutate, mutations, randomFrom } from '../../bench/fuzz-mutations.mjs'
import { Refusal } from '../../src/core/refusals.js'
import { sequence } from '../../src/pki/der-writer.js'
import {
  certificatePolicies,
  extendedKeyUsage,
  keyUsage,
  nameConstraints,
  subjectAltName,
} from '../../src/pki/extensions.js'
import type { Issuer } from '../../src/pki/issue.js'
import { configuredLimits } from '../../src/x509/certificate.js'
import { readDer } from '../../src/x509/der.js'
import { keyPurposes } from '../../src/x509/object-identifiers.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { VerifiedCertificate } from '../../src/x509/verified-certificate.js'
import { Verifier } from '../../src/x509/verifier.js'
import { makeCa, makeUser, testTimeMs } from '../support/certificates.js'
import { signedTbs } from './resigned.js'

const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const count = 5_000
/** Only a hang takes as long on any machine. */
const hangMs = 5_000

const root = await makeCa('Root')
const sub = await makeCa('Sub', {
  issuer: root,
  pathLength: 0,
  extensions: [
    certificatePolicies(['1.2.3', '1.2.4']),
    nameConstraints({
      permitted: [{ email: 'example.com' }, { dns: 'example.com' }],
      excluded: [{ uri: 'x.example' }],
    }),
  ],
})
const leaf = await makeUser(sub, {
  email: null,
  extensions: [
    keyUsage(['digitalSignature']),
    extendedKeyUsage([keyPurposes.clientAuth]),
    certificatePolicies(['1.2.3']),
    subjectAltName([{ email: 'a@example.com' }, { dns: 'a.example.com' }, { upn: 'a@example.com' }]),
  ],
})
const verifier = new Verifier(
  createTrustStore([
    {
      name: 'staff',
      anchors: { file: 'ca.pem', text: root.pem },
      intermediates: null,
      require: { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: 5, policies: anyPolicies },
    },
  ]),
)

async function signedAnew(
  der: Uint8Array,
  issuer: Issuer,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<Uint8Array> {
  const [tbs] = readDer(der, configuredLimits).children
  return signedTbs(change(tbs?.bytes ?? sequence()), issuer)
}

test(`mutated certificates are refused, or hold (FUZZ_SEED=${seed})`, { timeout: 300_000 }, async (t) => {
  t.comment(`FUZZ_SEED=${seed}`)
  t.type(await verifier.verify(leaf.der, [sub.der], testTimeMs), VerifiedCertificate)
  const random = randomFrom(seed)
  const wrong: string[] = []
  const codes = new Set<string>()
  for (let number = 0; number < count; number += 1) {
    const mutation = mutations[number % mutations.length] ?? 'bits'
    const isLeaf = random() < 0.6
    const [original, issuer] = isLeaf ? [leaf.der, sub] : [sub.der, root]
    const change = (bytes: Uint8Array) => mutate(Buffer.from(bytes), mutation, random)
    const isSigned = random() < 0.5
    const changed = isSigned ? await signedAnew(original, issuer, change) : change(original)
    const began = performance.now()
    try {
      const found = isLeaf
        ? await verifier.verify(changed, [sub.der], testTimeMs)
        : await verifier.verify(leaf.der, [changed], testTimeMs)
      codes.add(found instanceof Refusal ? found.code : 'verified')
      const holds = isSigned || Buffer.compare(changed, original) === 0
      if (found instanceof VerifiedCertificate && !holds) wrong.push(`${number} ${mutation}: verified`)
    } catch (cause) {
      wrong.push(`${number} ${mutation}: ${String(cause)}`)
    }
    if (performance.now() - began > hangMs) wrong.push(`${number} ${mutation}: hangs`)
  }
  t.strictSame(wrong, [])
  // Signed anew, many get as far as the rules; otherwise this test would look at little.
  for (const code of ['certificate_malformed', 'chain_untrusted', 'constraint_violated', 'verified']) {
    t.ok(codes.has(code), code)
  }
})
