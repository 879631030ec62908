// A CRL of 1,000,000 entries, as the gateway takes it from a file, against its targets; beside it what others do:
//   npm run build && node bench/big-crl.mjs [--entries 1000000] [--rounds 3] [--pem]
// Each reader runs in a process of its own: its peak of memory is the kernel's figure (VmHWM), over what it had
// before. Of several rounds the median stands for times, the worst for memory and for the event loop.
import { fork, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bitString, integer, objectIdentifier, sequence, time } from '../dist/pki/der-writer.js'
import { createAuthority } from '../dist/pki/issue.js'
import { signerFor } from '../dist/pki/signing.js'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    pem: { type: 'boolean', default: false },
  },
})
const count = Number(values.entries)
const rounds = Number(values.rounds)
const targetEntries = 1_000_000
const mostMs = 60_000
const mostHeapMiB = 4_096
const asked = 5_000
const folder = mkdtempSync(join(tmpdir(), 'mattergate-big-crl-'))
const file = join(folder, 'big.crl')
const day = 86_400_000
const now = Date.now()

/** Positive, in its shortest form, 16 to 20 octets. */
function newSerial() {
  const serial = randomBytes(randomInt(16, 21))
  serial[0] = 0x40 | (serial[0] & 0x3f)
  return serial
}

/** Every second entry gives a reason. */
function entries() {
  const revokedAt = time(new Date(now - day))
  const reason = sequence(
    sequence(objectIdentifier('2.5.29.21'), Buffer.from([0x04, 0x03, 0x0a, 0x01, 0x01])),
  )
  const encoded = []
  const known = []
  for (let number = 0; number < count; number += 1) {
    const serial = newSerial()
    if (number % Math.ceil(count / asked) === 0) known.push(serial.toString('hex'))
    const parts = [revokedAt, ...(number % 2 === 0 ? [] : [reason])]
    const length = parts.reduce((sum, part) => sum + part.length, 2 + serial.length)
    encoded.push(Buffer.from([0x30, length, 0x02, serial.length]), serial, ...parts)
  }
  return { known, der: Buffer.concat(encoded) }
}

async function makeList() {
  const name = [{ type: 'CN', value: 'Big CA' }]
  const validity = { notBefore: new Date(now - day), notAfter: new Date(now + day) }
  const ca = await createAuthority({ subject: name, ...validity, key: { kind: 'rsa', bits: 2048 } })
  const signer = signerFor(ca.privateKey)
  const { known, der } = entries()
  const tbs = sequence(
    ...[integer(1), signer.algorithm, ca.subject, time(new Date(now - day)), time(new Date(now + day))],
    sequence(der),
  )
  const list = sequence(tbs, signer.algorithm, bitString(await signer.sign(tbs)))
  writeFileSync(file, values.pem ? pemOf(list) : list)
  writeFileSync(join(folder, 'ca.pem'), ca.pem)
  writeFileSync(join(folder, 'known.json'), JSON.stringify(known))
}

function pemOf(der) {
  const lines = Buffer.from(der)
    .toString('base64')
    .replaceAll(/(.{64})/g, '$1\n')
  return `-----BEGIN X509 CRL-----\n${lines}\n-----END X509 CRL-----\n`
}

/** What one reader reports. */
function run(reader) {
  return new Promise((resolve) => {
    const child = fork(join(import.meta.dirname, 'big-crl-reader.mjs'), [reader, folder], {
      execArgv: [`--max-old-space-size=${mostHeapMiB}`],
      // V8 prints pages where a heap is full; that it ended so is enough.
      stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), mostMs)
    let report = { problem: `no end in ${mostMs / 1000} s or ${mostHeapMiB / 1024} GiB of heap` }
    child.on('message', (message) => {
      report = message
    })
    child.on('exit', () => {
      clearTimeout(timer)
      resolve(report)
    })
  })
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
}

async function runOften(reader) {
  const reports = []
  for (let round = 0; round < rounds; round += 1) reports.push(await run(reader))
  const failed = reports.find(({ problem }) => problem !== undefined)
  if (failed !== undefined) return failed
  const of = (pick, key) => pick(reports.map((report) => report[key]))
  const worst = (numbers) => Math.max(...numbers)
  return {
    ...{ readyMs: of(median, 'readyMs'), peakBytes: of(worst, 'peakBytes') },
    ...{ readBlockedMs: of(worst, 'readBlockedMs'), verifyBlockedMs: of(worst, 'verifyBlockedMs') },
    ...{ hitMicros: of(median, 'hitMicros'), missMicros: of(median, 'missMicros') },
  }
}

function openssl(...args) {
  const given = ['crl', '-in', file, ...(values.pem ? [] : ['-inform', 'DER']), ...args]
  return new Promise((resolve) => {
    const began = performance.now()
    const child = spawn('openssl', given, { stdio: ['ignore', 'ignore', 'pipe'] })
    let told = ''
    child.stderr.on('data', (data) => {
      told += data
    })
    const noProgram = { problem: 'openssl is not there' }
    child.on('error', () => resolve(noProgram))
    child.on('close', (code) => {
      const readyMs = performance.now() - began
      resolve(code === 0 && /verify OK/.test(told) ? { readyMs } : { problem: told.trim() })
    })
  })
}

const bytesOf = () => statSync(file).size
const columns = [
  { title: 'ready s', target: 5, digits: 2, of: ({ readyMs }) => readyMs / 1000 },
  { title: 'peak × file', target: 10, digits: 1, of: ({ peakBytes }) => peakBytes / bytesOf() },
  { title: 'loop, reading ms', target: 50, digits: 0, of: ({ readBlockedMs }) => readBlockedMs },
  { title: 'loop, signature ms', target: 50, digits: 0, of: ({ verifyBlockedMs }) => verifyBlockedMs },
  { title: 'hit µs', target: 5, digits: 2, of: ({ hitMicros }) => hitMicros },
  { title: 'miss µs', target: 5, digits: 2, of: ({ missMicros }) => missMicros },
]

const cells = (texts) => texts.map((text) => text.padStart(20)).join('')

function rowOf(report) {
  if (report.problem !== undefined) return `  ${report.problem}`
  const texts = columns.map(({ of, digits }) => {
    const figure = of(report)
    return Number.isFinite(figure) ? figure.toFixed(digits) : '-'
  })
  return cells(texts)
}

/** Of a shorter list the memory of the thread that scans it weighs more than the list. */
function verdict(met) {
  if (count < targetEntries) return `the targets are for ${targetEntries} entries: not judged`
  return met ? 'targets met' : 'a target is MISSED'
}

function isMet(report) {
  return report.problem === undefined && columns.every(({ of, target }) => of(report) < target)
}

try {
  await makeList()
  console.log(`${count} entries, ${(bytesOf() / 2 ** 20).toFixed(1)} MiB ${values.pem ? 'PEM' : 'DER'}`)
  const line = (title, text) => console.log(`${title.padEnd(32)}${text}`)
  line('', cells(columns.map(({ title }) => title)))
  line('target', cells(columns.map(({ target }) => `< ${target}`)))
  const ca = join(folder, 'ca.pem')
  const ours = [['mattergate, readCrlFiles', await runOften('files')]]
  // It takes DER alone.
  if (!values.pem) ours.push(['mattergate, readLongCrl', await runOften('list')])
  const peers = [
    ['pkijs as it comes, reading', await run('pkijs')],
    ['pkijs without limits, reading', await run('pkijs-unlimited')],
    ['openssl crl, signature', await openssl('-noout', '-CAfile', ca)],
    ['openssl crl -text, signature', await openssl('-text', '-noout', '-CAfile', ca)],
  ]
  for (const [title, report] of [...ours, ...peers]) line(title, rowOf(report))
  const met = ours.every(([, report]) => isMet(report))
  console.log(verdict(met))
  process.exitCode = met || count < targetEntries ? 0 : 1
} finally {
  rmSync(folder, { recursive: true })
}
