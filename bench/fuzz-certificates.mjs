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
import { mutate } from './fuzz-mutations.mjs'
import { fuzz } from './fuzz-run.mjs'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string' } },
})
const count = Number(values.count)
const seed = Number(values.seed ?? randomInt(2 ** 31))
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

const isGood = await fuzz({
  ...{ what: 'certificates', count, seed },
  make: ({ mutation, random }) => {
    const isLeaf = random() < 0.6
    const [original, issuer] = isLeaf ? [leaf.der, sub] : [sub.der, root]
    const change = (bytes) => mutate(Buffer.from(bytes), mutation, random)
    const changed = random() < 0.5 ? change(original) : signedAnew(original, issuer, change)
    return { isLeaf, changed }
  },
  judge: async ({ isLeaf, changed }) => {
    const found = isLeaf
      ? await verifier.verify(changed, [sub.der], now)
      : await verifier.verify(leaf.der, [changed], now)
    return 'code' in found ? found.code : 'verified'
  },
})
process.exitCode = isGood ? 0 : 1
