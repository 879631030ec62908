// A CRL of 1,000,000 entries, as the gateway takes it from a file, against its targets; beside it what others do:
//   npm run build && node bench/big-crl.mjs [--entries 1000000] [--pem]
// Each reader runs in a process of its own: its peak of memory is the kernel's figure (VmHWM).
import { fork, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bitString, integer, objectIdentifier, sequence, time } from '../dist/pki/der-writer.js'
import { createAuthority } from '../dist/pki/issue.js'
import { signerFor } from '../dist/pki/signing.js'

const { values } = parseArgs({
  options: { entries: { type: 'string', default: '1000000' }, pem: { type: 'boolean', default: false } },
})
const count = Number(values.entries)
const folder = mkdtempSync(join(tmpdir(), 'mattergate-big-crl-'))
const file = join(folder, 'big.crl')
const day = 86_400_000
const now = Date.now()

/** Serials of 16 octets; every second entry gives a reason. */
function entries() {
  const revokedAt = time(new Date(now - day))
  const reason = sequence(
    sequence(objectIdentifier('2.5.29.21'), Buffer.from([0x04, 0x03, 0x0a, 0x01, 0x01])),
  )
  const encoded = []
  for (let number = 0; number < count; number += 1) {
    const serial = randomBytes(16)
    // Positive, and in its shortest form.
    serial[0] = 0x40 | (serial[0] & 0x3f)
    const parts = [Buffer.from([0x02, 0x10]), serial, revokedAt, ...(number % 2 === 0 ? [] : [reason])]
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    encoded.push(Buffer.from([0x30, length]), ...parts)
  }
  return Buffer.concat(encoded)
}

async function makeList() {
  const name = [{ type: 'CN', value: 'Big CA' }]
  const validity = { notBefore: new Date(now - day), notAfter: new Date(now + day) }
  const ca = await createAuthority({ subject: name, ...validity, key: { kind: 'rsa', bits: 2048 } })
  const signer = signerFor(ca.privateKey)
  const tbs = sequence(
    ...[integer(1), signer.algorithm, ca.subject, time(new Date(now - day)), time(new Date(now + day))],
    sequence(entries()),
  )
  const der = sequence(tbs, signer.algorithm, bitString(await signer.sign(tbs)))
  writeFileSync(
    file,
    values.pem
      ? `-----BEGIN X509 CRL-----\n${Buffer.from(der)
          .toString('base64')
          .replaceAll(/(.{64})/g, '$1\n')}\n-----END X509 CRL-----\n`
      : der,
  )
  writeFileSync(join(folder, 'ca.pem'), ca.pem)
}

/** What one reader reports; null: it did not come to its end. */
function run(reader) {
  return new Promise((resolve) => {
    const child = fork(join(import.meta.dirname, 'big-crl-reader.mjs'), [reader, folder], {
      execArgv: ['--max-old-space-size=8192'],
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
    let report = null
    child.on('message', (message) => {
      report = message
    })
    child.on('exit', () => {
      clearTimeout(timer)
      resolve(report)
    })
  })
}

function openssl() {
  const began = performance.now()
  const args = [
    'crl',
    '-in',
    file,
    ...(values.pem ? [] : ['-inform', 'DER']),
    '-noout',
    '-CAfile',
    join(folder, 'ca.pem'),
  ]
  const { stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (!/verify OK/.test(stderr)) throw new Error(`openssl: ${stderr}`)
  return { readyMs: performance.now() - began }
}

const figures = (report, bytes) =>
  report === null
    ? ['no end in 120 s, or out of memory']
    : report.problem !== undefined
      ? [`refuses it: ${report.problem}`]
      : [
          `ready ${(report.readyMs / 1000).toFixed(2)} s`,
          ...(report.peakBytes === undefined ? [] : [`peak ${(report.peakBytes / bytes).toFixed(1)} × file`]),
          ...(report.blockedMs === undefined
            ? []
            : [`loop blocked ${report.blockedMs.toFixed(0)} ms at most`]),
          ...(report.lookUpMicros === undefined ? [] : [`look-up ${report.lookUpMicros.toFixed(2)} µs`]),
        ]

try {
  await makeList()
  const { size } = statSync(file)
  console.log(`${count} entries, ${(size / 2 ** 20).toFixed(1)} MiB${values.pem ? ' PEM' : ' DER'}`)
  const ours = await run('mattergate')
  for (const [name, report] of [
    ['mattergate', ours],
    ['pkijs', await run('pkijs')],
    ['openssl crl, verified', openssl()],
  ])
    console.log(`${name.padEnd(24)}${figures(report, size).join(', ')}`)
  const met =
    ours !== null &&
    ours.readyMs < 5_000 &&
    ours.peakBytes < 10 * size &&
    ours.blockedMs < 50 &&
    ours.lookUpMicros < 5
  console.log(
    `targets: ready < 5 s, peak < 10 × file, loop never blocked > 50 ms, look-up < 5 µs: ${met ? 'met' : 'MISSED'}`,
  )
  process.exitCode = met ? 0 : 1
} finally {
  rmSync(folder, { recursive: true })
}
