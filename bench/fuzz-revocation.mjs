// Mutated CRLs and OCSP responses, half of them signed anew so that they get past the signature, judged as the
// gateway judges them. None may say that a certificate is good which the original did not say, unless it was
// signed anew; a throw, or more than 50 ms or 64 MiB for one, fails the run.
//   npm run build && node bench/fuzz-revocation.mjs [--count 100000] [--seed N]
import { createHash, randomInt, sign } from 'node:crypto'
import { parseArgs } from 'node:util'
import {
  bitString,
  contextConstructed,
  contextPrimitive,
  encode,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  time,
} from '../dist/pki/der-writer.js'
import { encodeExtension } from '../dist/pki/extensions.js'
import { createAuthority, issueCertificate } from '../dist/pki/issue.js'
import { userExtensions } from '../dist/pki/profiles.js'
import { readLists } from '../dist/revocation/crl/crl-files.js'
import { CrlSource } from '../dist/revocation/crl/crl-source.js'
import { statusIn } from '../dist/revocation/ocsp/status-in.js'
import { configuredLimits, parseCertificate } from '../dist/x509/certificate.js'
import { readDer } from '../dist/x509/der.js'
import { inPlace } from '../dist/x509/path-status.js'
import { anyPolicies } from '../dist/x509/requirements.js'
import { mutate } from './fuzz-mutations.mjs'
import { fuzz } from './fuzz-run.mjs'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string' } },
})
const count = Number(values.count)
const seed = Number(values.seed ?? randomInt(2 ** 31))
console.log(`seed ${seed}`)

const hour = 3_600_000
const now = Math.floor(Date.now() / 1000) * 1000
const validity = { notBefore: new Date(now - 24 * hour), notAfter: new Date(now + 24 * hour) }
const cn = (value) => [{ type: 'CN', value }]
const ca = await createAuthority({ subject: cn('Fuzz CA'), ...validity })
const user = await issueCertificate({
  ...{ subject: cn('Alice'), issuer: ca, ...validity, extensions: userExtensions() },
})
const [issuer, certificate] = [ca, user].map(({ der }) => parseCertificate(der, configuredLimits))
const question = {
  ...{ certificate, issuer, presented: [], atMs: now, aside: inPlace },
  path: { anchor: issuer, certificates: [certificate], unchecked: [] },
  trust: {
    ...{ name: 'fuzz', anchors: [issuer], intermediates: [] },
    require: { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: null, policies: anyPolicies },
  },
}
const ecdsaSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))

function signed(tbs) {
  return sequence(tbs, ecdsaSha256, bitString(sign('sha256', tbs, ca.privateKey)))
}

function list() {
  const reason = sequence(
    encodeExtension({ type: '2.5.29.21', critical: false, value: Uint8Array.of(0x0a, 1, 1) }),
  )
  const entry = (serial) => sequence(integer(serial), time(new Date(now - hour)), reason)
  const point = contextConstructed(
    0,
    contextConstructed(0, contextPrimitive(6, Buffer.from('http://pki.example.com/ca.crl'))),
  )
  return sequence(
    ...[integer(1), ecdsaSha256, ca.subject, time(new Date(now - hour)), time(new Date(now + hour))],
    sequence(...Array.from({ length: 20 }, (_none, at) => entry(at + 1))),
    contextConstructed(
      0,
      sequence(
        encodeExtension({ type: '2.5.29.20', critical: false, value: integer(7) }),
        encodeExtension({ type: '2.5.29.46', critical: false, value: sequence(sequence(point)) }),
      ),
    ),
  )
}

const sha1 = (octets) => octetString(createHash('sha1').update(octets).digest())
const moment = (ms) =>
  encode(0x18, Buffer.from(`${new Date(ms).toISOString().slice(0, 19).replaceAll(/\D/g, '')}Z`))

function response() {
  const id = sequence(
    sequence(objectIdentifier('1.3.14.3.2.26'), nullValue()),
    ...[sha1(ca.subject), sha1(issuer.encoded.publicKey), integer(user.serial)],
  )
  const single = sequence(
    ...[id, contextPrimitive(0, new Uint8Array()), moment(now - hour)],
    contextConstructed(0, moment(now + hour)),
  )
  return sequence(contextConstructed(1, ca.subject), moment(now - hour), sequence(single))
}

function wrapped(basic) {
  const type = objectIdentifier('1.3.6.1.5.5.7.48.1.1')
  return sequence(encode(0x0a, Uint8Array.of(0)), contextConstructed(0, sequence(type, octetString(basic))))
}

async function listStatus(der) {
  const { lists, issues } = await readLists(Buffer.from(der), 'fuzz')
  if (issues.length > 0) return 'not read'
  const source = new CrlSource({ lists: () => lists, fetched: null, graceMs: 0 })
  return (await source.status(question)).kind
}

const responseStatus = async (der) => (await statusIn(der, question, { source: 'fuzz', nonce: null })).kind

/** Good without an own signature: only where what is signed, and the signature, are as they were. */
function mayBeGood(changed, original) {
  const [tbs] = readDer(original, configuredLimits).children
  return Buffer.from(changed).includes(Buffer.from(tbs.bytes))
}

function rounds(tbs, wrap, status) {
  const basic = signed(tbs)
  return {
    make: ({ mutation, random }) => {
      const change = (bytes) => mutate(Buffer.from(bytes), mutation, random)
      const isSigned = random() < 0.5
      return { isSigned, changed: isSigned ? wrap(signed(change(tbs))) : change(wrap(basic)) }
    },
    judge: async ({ isSigned, changed }) => {
      const kind = await status(changed)
      if (kind === 'good' && !isSigned && !mayBeGood(changed, basic)) throw new Error('good, and forged')
      return kind
    },
  }
}

if ((await listStatus(signed(list()))) !== 'good') throw new Error('the list is not good as it is')
if ((await responseStatus(wrapped(signed(response())))) !== 'good')
  throw new Error('the response is not good as it is')
const results = [
  await fuzz({ what: 'CRLs', count, seed, ...rounds(list(), (der) => der, listStatus) }),
  await fuzz({ what: 'OCSP responses', count, seed, ...rounds(response(), wrapped, responseStatus) }),
]
process.exitCode = results.every(Boolean) ? 0 : 1
