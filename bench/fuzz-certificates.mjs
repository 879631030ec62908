// Mutated certificates through the verifier, as leaf and as intermediate, half of them signed anew so that they
// get past the signature. Refused or verified, each in time and memory; a throw, or more than that, fails the run.
//   npm run build && node bench/fuzz-certificates.mjs [--count 100000] [--seed N]
import { randomInt, sign } from 'node:crypto'
import { parseArgs } from 'node:util'
import { bitString, sequence } from '../dist/pki/der-writer.js'
import {
  certificatePolicies,
  extendedKeyUsage,
  keyUsage,
  nameConstraints,
  subjectAltName,
} from '../dist/pki/extensions.js'
import { createAuthority, issueCertificate } from '../dist/pki/issue.js'
import { configuredLimits } from '../dist/x509/certificate.js'
import { readDer } from '../dist/x509/der.js'
import { anyPolicies } from '../dist/x509/requirements.js'
import { createTrustStore } from '../dist/x509/trust-store.js'
import { Verifier } from '../dist/x509/verifier.js'
import { mutate, mutations, randomFrom } from './fuzz-mutations.mjs'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string' } },
})
const count = Number(values.count)
const seed = Number(values.seed ?? randomInt(2 ** 31))
const mostMs = 50
const mostBytes = 64 * 2 ** 20
console.log(`seed ${seed}`)

const day = 86_400_000
const now = Date.now()
const validity = { notBefore: new Date(now - day), notAfter: new Date(now + day) }
const cn = (value) => [
  { type: 'O', value: 'Fuzz' },
  { type: 'CN', value },
]
const root = await createAuthority({ subject: cn('Root'), ...validity })
const sub = await createAuthority({
  subject: cn('Sub'),
  ...validity,
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
const leaf = await issueCertificate({
  subject: cn('Leaf'),
  ...validity,
  issuer: sub,
  extensions: [
    keyUsage(['digitalSignature']),
    extendedKeyUsage(['1.3.6.1.5.5.7.3.2']),
    certificatePolicies(['1.2.3']),
    subjectAltName([{ email: 'a@example.com' }, { dns: 'a.example.com' }, { upn: 'a@example.com' }]),
  ],
})
const anchors = { file: 'root', text: root.pem }
const require = { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: 5, policies: anyPolicies }
const verifier = new Verifier(createTrustStore([{ name: 'fuzz', anchors, intermediates: null, require }]))
if ('code' in (await verifier.verify(leaf.der, [sub.der], now)))
  throw new Error('the path is not valid as it is')

/** The signed part changed, the whole signed by the issuer. */
function signedAnew(der, issuer, change) {
  const [tbs, algorithm] = readDer(der, configuredLimits).children
  const changed = change(tbs.bytes)
  return sequence(changed, algorithm.bytes, bitString(sign('sha256', changed, issuer.privateKey)))
}

const random = randomFrom(seed)
const outcomes = new Map()
let slowest = { ms: 0, what: '' }
let largest = 0
let failures = 0
const startedAt = performance.now()
for (let number = 0; number < count; number += 1) {
  const mutation = mutations[number % mutations.length]
  const isLeaf = random() < 0.6
  const [original, issuer] = isLeaf ? [leaf.der, sub] : [sub.der, root]
  const change = (bytes) => mutate(Buffer.from(bytes), mutation, random)
  const changed = random() < 0.5 ? change(original) : signedAnew(original, issuer, change)
  const before = process.memoryUsage()
  const began = performance.now()
  try {
    const found = isLeaf
      ? await verifier.verify(changed, [sub.der], now)
      : await verifier.verify(leaf.der, [changed], now)
    const outcome = 'code' in found ? found.code : 'verified'
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  } catch (error) {
    failures += 1
    console.error(`${number} ${mutation}: ${error.stack}\n${Buffer.from(changed).toString('base64')}`)
  }
  const ms = performance.now() - began
  const after = process.memoryUsage()
  largest = Math.max(largest, after.heapUsed + after.external - before.heapUsed - before.external)
  // Warming up and collecting garbage take their time of whoever comes first.
  if (number > 1000 && ms > slowest.ms)
    slowest = { ms, what: `${number} ${mutation}, ${changed.length} bytes` }
}
const seconds = (performance.now() - startedAt) / 1000
console.log(`${count} certificates in ${seconds.toFixed(1)} s, ${failures} failures`)
console.log(Object.fromEntries([...outcomes].toSorted()))
console.log(`slowest ${slowest.ms.toFixed(1)} ms: ${slowest.what}`)
console.log(
  `most memory by one ${(largest / 2 ** 20).toFixed(1)} MiB, resident ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
)
process.exitCode = failures > 0 || slowest.ms > mostMs || largest > mostBytes ? 1 : 0
