// Processor time of the first request of a certificate, with its CRL, from the header's bytes to the verdict; and
// of the second certificate of the same authority. Beside it what pkijs takes for reading the same certificates, the
// user's alone and all of the path, with nothing verified:
//   npm run build && node bench/first-request.mjs [--samples 200]
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Certificate } from 'pkijs'
import { resolveConfig } from '../dist/config/load.js'
import { readRuling } from '../dist/gate/ruling.js'
import { bitString, integer, sequence, time } from '../dist/pki/der-writer.js'
import { createAuthority, issueCertificate } from '../dist/pki/issue.js'
import { generateKeys } from '../dist/pki/keys.js'
import { userExtensions } from '../dist/pki/profiles.js'
import { signerFor } from '../dist/pki/signing.js'

const { values } = parseArgs({ options: { samples: { type: 'string', default: '200' } } })
const samples = Number(values.samples)
const warmUp = 20
const folder = await mkdtemp(join(tmpdir(), 'mattergate-first-'))
const clock = { now: () => Date.now() }
const day = 86_400_000
const validity = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) }
const rsa = { kind: 'rsa', bits: 2048 }
// Keys take long to make, and do not matter: every certificate is another.
const keys = await Promise.all(Array.from({ length: 4 }, () => generateKeys(rsa)))
const cn = (value) => [
  { type: 'O', value: 'Bench' },
  { type: 'CN', value },
]

async function emptyList(issuer) {
  const signer = signerFor(issuer.privateKey)
  const dates = [time(new Date(Date.now() - day)), time(new Date(Date.now() + day))]
  const tbs = sequence(integer(1), signer.algorithm, issuer.subject, ...dates)
  return sequence(tbs, signer.algorithm, bitString(await signer.sign(tbs)))
}

function user(issuer, name, key) {
  const extensions = userExtensions({ email: `${name}@example.com` })
  return issueCertificate({ subject: cn(name), issuer, key, extensions, ...validity })
}

const escaped = ({ pem }) => encodeURIComponent(pem)

/** A gate of its own for each sample, as it is after a start: nothing in it is known. */
async function prepare(number, hasIntermediate) {
  const root = await createAuthority({ subject: cn(`Root ${number}`), key: keys[0], ...validity })
  const sub = hasIntermediate
    ? await createAuthority({ subject: cn(`Sub ${number}`), issuer: root, key: keys[1], ...validity })
    : root
  const lists = [...new Set([root, sub])]
  for (const [at, issuer] of lists.entries())
    await writeFile(join(folder, `${at}.crl`), await emptyList(issuer))
  await writeFile(join(folder, 'root.crt'), root.pem)
  await writeFile(join(folder, 'sub.crt'), sub.pem)
  const crl = lists.map((_issuer, at) => join(folder, `${at}.crl`))
  const trust = {
    ...{ name: 'bench', ca: 'root.crt', revocation: { mode: 'crl', crl } },
    ...(hasIntermediate ? { intermediates: 'sub.crt' } : {}),
  }
  const config = await resolveConfig(
    {
      ...{ public: { url: 'https://chat.example.com' }, mattermost: null, audit: { file: 'audit.jsonl' } },
      trust: [trust],
    },
    { baseDirectory: folder },
  )
  const { intake, judge } = await readRuling(config, clock)
  const users = [await user(sub, `a${number}`, keys[2]), await user(sub, `b${number}`, keys[3])]
  const ask = async (certificate) => {
    const rawHeaders = ['Host', 'chat.example.com', 'X-SSL-Client-Cert', escaped(certificate)]
    const facts = { method: 'GET', target: '/', rawHeaders, peer: { socket: true } }
    const verdict = await judge.judge(intake.read(facts))
    if (!verdict.accepted) throw new Error(`${verdict.refusal.code}: ${verdict.refusal.detail}`)
  }
  return { ask, users, path: [...new Set([users[0], sub, root])] }
}

function readWithPkijs(certificates) {
  for (const { der } of certificates) Certificate.fromBER(der)
}

async function cost(work) {
  const before = process.cpuUsage()
  await work()
  const { user: inUser, system } = process.cpuUsage(before)
  return (inUser + system) / 1000
}

function summary(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
  return { median: at(0.5), p95: at(0.95) }
}

async function measure(hasIntermediate) {
  const costs = { first: [], second: [], pkijs: [], pkijsPath: [] }
  for (let number = 0; number < samples + warmUp; number += 1) {
    const { ask, users, path } = await prepare(number, hasIntermediate)
    const first = await cost(() => ask(users[0]))
    const second = await cost(() => ask(users[1]))
    const peer = await cost(() => readWithPkijs([users[0]]))
    const peerPath = await cost(() => readWithPkijs(path))
    if (number < warmUp) continue
    costs.first.push(first)
    costs.second.push(second)
    costs.pkijs.push(peer)
    costs.pkijsPath.push(peerPath)
  }
  return costs
}

try {
  let met = true
  for (const [title, hasIntermediate] of [
    ['leaf and anchor', false],
    ['leaf, intermediate and anchor', true],
  ]) {
    const { first, second, pkijs, pkijsPath } = await measure(hasIntermediate)
    const rows = [
      ['first certificate', summary(first), 3],
      ['second certificate', summary(second), 1],
      ['pkijs, reading one', summary(pkijs), null],
      ['pkijs, reading all', summary(pkijsPath), null],
    ]
    console.log(`${title}, RSA-2048, CRL on (ms of CPU, ${samples} samples)`)
    for (const [name, { median, p95 }, target] of rows) {
      met &&= target === null || median < target
      const wanted = target === null ? '' : `, target < ${target}`
      const ratio = (median / summary(pkijs).median).toFixed(2)
      const figures = `median ${median.toFixed(2)}, p95 ${p95.toFixed(2)}, × pkijs reading one ${ratio}`
      console.log(`  ${name.padEnd(20)} ${figures}${wanted}`)
    }
  }
  console.log(met ? 'targets met by the medians' : 'a target is MISSED')
  process.exitCode = met ? 0 : 1
} finally {
  await rm(folder, { recursive: true })
}
