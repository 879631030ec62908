// One reader of bench/big-crl.mjs, in a process of its own: NAME FOLDER.

import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const [, , reader, folder] = process.argv
const file = join(folder, 'big.crl')

/** Bytes that were resident at most, over what was there before. */
function peak() {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kibibytes) * 1024
}

/** The longest time in which no timer ran. */
function watchLoop() {
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    const at = performance.now()
    longest = Math.max(longest, at - last - 1)
    last = at
  }, 1)
  return () => {
    clearInterval(timer)
    return longest
  }
}

async function mattergate() {
  const { readCrlFiles } = await import('../dist/revocation/crl/crl-files.js')
  const { configuredLimits, parseCertificate } = await import('../dist/x509/certificate.js')
  const { readPemBundle } = await import('../dist/x509/pem.js')
  const [der] = readPemBundle(readFileSync(join(folder, 'ca.pem'), 'utf8'))
  const ca = parseCertificate(der, configuredLimits)
  const before = peak()
  const blocked = watchLoop()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const began = performance.now()
  const { lists, issues } = await readCrlFiles([file])
  if (issues.length > 0) throw new Error(issues[0].message)
  const [crl] = lists
  if ((await crl.verify(ca)) !== 'good') throw new Error('not verified')
  const readyMs = performance.now() - began
  await new Promise((resolve) => setTimeout(resolve, 50))
  const blockedMs = blocked()
  const peakBytes = peak() - before
  return { readyMs, peakBytes, blockedMs, lookUpMicros: lookUps(crl, ca) }
}

/** Serials that are there and that are not, in turn. */
function lookUps(crl, ca) {
  const bytes = readFileSync(file)
  const known = []
  // Of a list in DER the serials stand in the clear.
  for (let at = bytes.indexOf(Buffer.from([0x02, 0x10])); at > 0 && known.length < 5_000; ) {
    known.push(new Uint8Array(bytes.subarray(at + 2, at + 18)))
    at = bytes.indexOf(Buffer.from([0x02, 0x10]), at + 18)
  }
  const strange = Array.from({ length: 5_000 }, (_none, at) => {
    const serial = new Uint8Array(16).fill(0x41)
    new DataView(serial.buffer).setUint32(4, at)
    return serial
  })
  const asked = [...known, ...strange]
  let found = 0
  const began = performance.now()
  for (let round = 0; round < 20; round += 1)
    for (const serial of asked) if (crl.entries.find(serial, ca.subject.key) !== null) found += 1
  const micros = ((performance.now() - began) * 1000) / (asked.length * 20)
  if (found < known.length * 0.9 * 20) throw new Error(`found ${found / 20} of ${known.length}`)
  return micros
}

async function pkijs() {
  const { CertificateRevocationList } = await import('pkijs')
  const before = peak()
  const blocked = watchLoop()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const began = performance.now()
  const bytes = await readFile(file)
  const list = CertificateRevocationList.fromBER(bytes)
  if (list.revokedCertificates === undefined) throw new Error('nothing in it')
  const readyMs = performance.now() - began
  await new Promise((resolve) => setTimeout(resolve, 50))
  return { readyMs, peakBytes: peak() - before, blockedMs: blocked() }
}

/** A reader that gives up says why. */
async function report() {
  try {
    return await (reader === 'pkijs' ? pkijs() : mattergate())
  } catch (error) {
    return { problem: error.message }
  }
}

// What watches the loop would keep it running.
process.send(await report(), () => process.exit())
