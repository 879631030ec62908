// One reader of bench/big-crl.mjs, in a process of its own: NAME FOLDER.
import { readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'

const [, , reader, folder] = process.argv
const file = join(folder, 'big.crl')
/** Long enough for a timer that was due to have run. */
const breathMs = 50

function memory(field) {
  const [, kibibytes] =
    new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kibibytes) * 1024
}

/** Threads count too: the kernel's peak is that of the process. @returns bytes over what is resident now */
function watchMemory() {
  // Starts the kernel's peak anew at what is resident.
  writeFileSync('/proc/self/clear_refs', '5')
  const before = memory('VmRSS')
  return () => memory('VmHWM') - before
}

/** @returns the longest time in which no timer ran, since it was asked last */
function watchLoop() {
  let last = performance.now()
  let longest = 0
  setInterval(() => {
    const at = performance.now()
    longest = Math.max(longest, at - last - 1)
    last = at
  }, 1).unref()
  return async () => {
    await after(breathMs)
    const most = longest
    longest = 0
    return most
  }
}

async function mattergate(read) {
  const { configuredLimits, parseCertificate } = await import('../dist/x509/certificate.js')
  const { readPemBundle } = await import('../dist/x509/pem.js')
  const [der] = readPemBundle(readFileSync(join(folder, 'ca.pem'), 'utf8'))
  const ca = parseCertificate(der, configuredLimits)
  const peak = watchMemory()
  const blocked = watchLoop()
  await blocked()
  const began = performance.now()
  const crl = await read()
  const readMs = performance.now() - began
  const readBlockedMs = await blocked()
  const verifying = performance.now()
  if ((await crl.verify(ca)) !== 'good') throw new Error('not verified')
  const readyMs = readMs + performance.now() - verifying
  const verifyBlockedMs = await blocked()
  return { readyMs, peakBytes: peak(), readBlockedMs, verifyBlockedMs, ...lookUps(crl, ca) }
}

async function fromFiles() {
  const { readCrlFiles } = await import('../dist/revocation/crl/crl-files.js')
  return async () => {
    const { lists, issues } = await readCrlFiles([file])
    if (issues.length > 0) throw new Error(issues[0].message)
    return lists[0]
  }
}

async function fromBytes() {
  const { readLongCrl } = await import('../dist/revocation/crl/crl.js')
  return async () => readLongCrl(await readFile(file), file)
}

/** Serials that are there, and as many that are not. */
function lookUps(crl, ca) {
  const known = JSON.parse(readFileSync(join(folder, 'known.json'), 'utf8')).map((hex) =>
    Uint8Array.from(Buffer.from(hex, 'hex')),
  )
  const strange = known.map((serial) => Uint8Array.from(serial, (octet, at) => (at < 4 ? octet : ~octet)))
  return {
    hitMicros: lookUp(crl, ca, known, known.length),
    missMicros: lookUp(crl, ca, strange, 0),
  }
}

function lookUp(crl, ca, serials, expected) {
  const times = 20
  let found = 0
  const began = performance.now()
  for (let round = 0; round < times; round += 1)
    for (const serial of serials) if (crl.entries.find(serial, ca.subject.key) !== null) found += 1
  const micros = ((performance.now() - began) * 1000) / (serials.length * times)
  if (found !== expected * times) throw new Error(`found ${found / times} of ${expected}`)
  return micros
}

/** Reading alone. @param limits of asn1js; its own would refuse the list */
async function pkijs(limits) {
  const { CertificateRevocationList } = await import('pkijs')
  const asn1js = await import('asn1js')
  const peak = watchMemory()
  const blocked = watchLoop()
  await blocked()
  const began = performance.now()
  const bytes = await derOf(file)
  const { offset, result, error } = asn1js.fromBER(bytes, limits)
  if (offset === -1) throw new Error(`refuses it: ${error || result.error}`)
  const list = new CertificateRevocationList({ schema: result })
  if (list.revokedCertificates === undefined) throw new Error('nothing in it')
  const readyMs = performance.now() - began
  return { readyMs, readBlockedMs: await blocked(), peakBytes: peak() }
}

async function derOf(name) {
  const bytes = await readFile(name)
  return bytes[0] === 0x30
    ? bytes
    : Buffer.from(bytes.toString('latin1').replaceAll(/-----.*-----/g, ''), 'base64')
}

const readers = {
  files: async () => mattergate(await fromFiles()),
  list: async () => mattergate(await fromBytes()),
  pkijs: () => pkijs({}),
  'pkijs-unlimited': () => {
    const most = Number.MAX_SAFE_INTEGER
    return pkijs({ maxNodes: most, maxContentLength: most })
  },
}

/** A reader that gives up says why. */
async function report() {
  try {
    return await readers[reader]()
  } catch (error) {
    return { problem: error.message }
  }
}

process.send(await report())
process.disconnect()
