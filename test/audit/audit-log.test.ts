import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { type AuditLog, type AuditLogOptions, openAuditLog } from '../../src/audit/audit-log.js'
import type { AuditEvent } from '../../src/audit/event.js'
import { genesis } from '../../src/audit/hash-chain.js'
import type { AuditHandle } from '../../src/audit/opening.js'
import { verifyAuditFiles } from '../../src/audit/verify.js'

const clock = { now: () => Date.UTC(2026, 10, 25, 12, 0, 0, 7) }

const request: AuditEvent = {
  event: 'request',
  requestId: 'k1ajcs4wn3ya8gdt5obtfcy9hw',
  decision: 'allow',
  peer: 'unix',
  method: 'GET',
  path: '/api/v4/users/me',
}

/** Writes numbered events until it is killed; run as a child of the test about crashes. */
async function writeForever(file: string): Promise<never> {
  const log = await openAuditLog({ file, chain: true, clock })
  for (;;) {
    await Promise.all(Array.from({ length: 20 }, () => log.write(request)))
    process.send?.(log.seq)
  }
}

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'mattergate-audit-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

async function opened(t: Test, options: Partial<AuditLogOptions> & { file: string }): Promise<AuditLog> {
  const log = await openAuditLog({ chain: true, clock, ...options })
  t.teardown(() => log.close())
  return log
}

function linesOf(file: string): { seq: number; prev: string; hash: string }[] {
  const text = readFileSync(file, 'utf8')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { seq: number; prev: string; hash: string })
}

/** A disk whose behaviour the test sets: the real file, with writes and truncation that can fail. */
function faultyDisk() {
  const disk = { room: Infinity, truncates: true, writes: 0 }
  const wrap = (file: Awaited<ReturnType<typeof open>>): AuditHandle =>
    new Proxy(file, {
      get(target, name) {
        if (name === 'write') {
          return async (bytes: Buffer) => {
            disk.writes += 1
            if (disk.room === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
            const taken = Math.min(disk.room, bytes.length)
            disk.room -= taken
            return target.write(bytes, 0, taken)
          }
        }
        if (name === 'truncate' && !disk.truncates) {
          return () => Promise.reject(new Error('input/output error'))
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  return {
    disk,
    open: async (path: string, flags: string | number, mode: number) => wrap(await open(path, flags, mode)),
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(2)
}

if (process.env.AUDIT_CRASH_FILE !== undefined) await writeForever(process.env.AUDIT_CRASH_FILE)

test('a line is in the file when write resolves, and the chain begins at zeros', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const log = await opened(t, { file })
  t.equal(log.headHash, genesis)
  await log.write({ ...request, path: '/api/v4/users/me?access_token=secret' })
  const text = readFileSync(file, 'utf8')
  t.match(
    text,
    /^\{"time":"2026-11-25T12:00:00\.007Z","seq":1,"event":"request","requestId":"k1ajcs4wn3ya8gdt5obtfcy9hw","decision":"allow","peer":"unix","method":"GET","path":"\/api\/v4\/users\/me","prev":"0{64}","hash":"[0-9a-f]{64}"\}\n$/,
  )
  t.equal(log.seq, 1)
  t.equal(log.headHash, linesOf(file)[0]?.hash)
  t.equal(statSync(file).mode & 0o137, 0, 'nobody else writes, others do not read')
})

test('a thousand events of one turn go out in one write, in the order of the calls', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const { disk, open } = faultyDisk()
  const log = await opened(t, { file, open })
  await Promise.all(Array.from({ length: 1_000 }, (_, index) => log.write({ ...request, path: `/${index}` })))
  t.equal(disk.writes, 1)
  const lines = linesOf(file) as unknown as { seq: number; path: string }[]
  t.ok(lines.every(({ seq, path }, index) => seq === index + 1 && path === `/${index}`))
  t.same(await verifyAuditFiles([file]), { ok: true, events: 1_000, headHash: log.headHash })
})

test('numbers and chain go on over a restart, also through a symbolic link', async (t) => {
  const path = folder(t)
  const file = join(path, 'audit.jsonl')
  const first = await openAuditLog({ file, chain: true, clock })
  await first.write(request)
  void first.write(request)
  await first.close()
  await t.rejects(first.write(request), { code: 'ERR_AUDIT_IO' })
  symlinkSync(file, join(path, 'link'))
  const second = await opened(t, { file: join(path, 'link') })
  t.equal(second.seq, 2)
  await second.write(request)
  t.same(await verifyAuditFiles([file]), { ok: true, events: 3, headHash: second.headHash })
})

test('without a chain the lines carry a number only, and verify says that they are unchained', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const log = await openAuditLog({ file, chain: false, clock })
  await log.write(request)
  t.equal(log.headHash, null)
  await log.close()
  t.notMatch(readFileSync(file, 'utf8'), /prev|hash/)
  t.same(await verifyAuditFiles([file]), { ok: false, file, line: 1, reason: 'unchained' })
  await t.rejects(openAuditLog({ file, chain: true, clock }), { code: 'ERR_AUDIT_IO' })
  const again = await opened(t, { file, chain: false })
  t.equal(again.seq, 1)
})

test('a full disk loses nothing that was acknowledged, leaves no half line and heals by itself', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const { disk, open } = faultyDisk()
  const log = await opened(t, { file, open, probeMs: 5 })
  await log.write(request)
  const good = readFileSync(file)
  disk.room = 100
  const failing = [log.write(request), log.write(request)]
  for (const write of failing) await t.rejects(write, { code: 'ERR_AUDIT_IO' })
  t.equal(log.writable, false)
  t.match(log.problem, /audit\.jsonl/)
  const writes = disk.writes
  await t.rejects(log.write(request), { code: 'ERR_AUDIT_IO' }, 'at once, without trying the disk')
  t.equal(disk.writes, writes)
  await until(() => disk.writes > writes + 2)
  t.equal(log.writable, false, 'probes that fail keep it shut')
  t.same(readFileSync(file), good)
  disk.room = Infinity
  await until(() => log.writable)
  t.same(readFileSync(file), good, 'the probe leaves no trace')
  await log.write(request)
  t.same(await verifyAuditFiles([file]), { ok: true, events: 2, headHash: log.headHash })
})

test('what could not be taken back at once is taken back by the probe before anything is written', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const { disk, open } = faultyDisk()
  const log = await opened(t, { file, open, probeMs: 5 })
  await log.write(request)
  disk.room = 50
  disk.truncates = false
  await t.rejects(log.write(request), { code: 'ERR_AUDIT_IO' })
  disk.room = Infinity
  const writes = disk.writes
  await delay(30)
  t.equal(log.writable, false)
  t.equal(disk.writes, writes, 'nothing is put behind the remains')
  disk.truncates = true
  await until(() => log.writable)
  await log.write(request)
  t.same(await verifyAuditFiles([file]), { ok: true, events: 2, headHash: log.headHash })
})

test('events that wait behind a failing write are refused with it', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const { disk, open } = faultyDisk()
  const log = await opened(t, { file, open })
  disk.room = 10
  const first = log.write(request)
  const second = new Promise<void>((resolve, reject) => {
    // In the turn in which the first write is under way.
    setImmediate(() => void log.write(request).then(resolve, reject))
  })
  await t.rejects(first, { code: 'ERR_AUDIT_IO' })
  await t.rejects(second, { code: 'ERR_AUDIT_IO' })
  t.equal(readFileSync(file).length, 0)
})

test('a rotated file starts with the last hash of the one before', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const log = await opened(t, { file })
  await log.write(request)
  const before = log.headHash
  renameSync(file, `${file}.1`)
  const racing = log.write(request)
  await log.reopen()
  await racing
  await log.write(request)
  const all = [...linesOf(`${file}.1`), ...linesOf(file)]
  t.equal(all.length, 3)
  t.equal(all[1]?.prev, before)
  t.ok(linesOf(file).length > 0)
  t.same(await verifyAuditFiles([`${file}.1`, file]), { ok: true, events: 3, headHash: log.headHash })
  t.same(await verifyAuditFiles([file]), { ok: true, events: linesOf(file).length, headHash: log.headHash })
  t.match(await verifyAuditFiles([file, `${file}.1`]), { ok: false, line: 1, reason: 'out_of_chain' })
})

test('reopen without a new file changes nothing, and goes along with a file that was copied and emptied', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const log = await opened(t, { file })
  await log.write(request)
  await log.reopen()
  await log.write(request)
  t.equal(linesOf(file).length, 2)
  const copy = readFileSync(file)
  truncateSync(file)
  await log.reopen()
  await log.write(request)
  writeFileSync(`${file}.1`, copy)
  t.match(await verifyAuditFiles([`${file}.1`, file]), { ok: true, events: 3 })
})

test('reopen refuses a file with other events and one that somebody changed, and goes on as before', async (t) => {
  const path = folder(t)
  const file = join(path, 'audit.jsonl')
  const other = await openAuditLog({ file: join(path, 'other'), chain: true, clock })
  await other.write(request)
  await other.close()
  const log = await opened(t, { file })
  await log.write(request)
  renameSync(file, `${file}.1`)
  renameSync(join(path, 'other'), file)
  await log.write(request)
  await t.rejects(log.reopen(), { code: 'ERR_AUDIT_IO' })
  await log.write(request)
  t.match(await verifyAuditFiles([`${file}.1`]), { ok: true, events: 3 })
  renameSync(`${file}.1`, file)
  truncateSync(file, readFileSync(file, 'utf8').indexOf('\n') + 1)
  await t.rejects(log.reopen(), { code: 'ERR_AUDIT_IO' })
})

test('rotation onto a disk with room makes an unwritable log writable at once', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const { disk, open } = faultyDisk()
  const log = await opened(t, { file, open, probeMs: 3_600_000 })
  await log.write(request)
  disk.room = 10
  await t.rejects(log.write(request), { code: 'ERR_AUDIT_IO' })
  renameSync(file, `${file}.1`)
  disk.room = Infinity
  await log.reopen()
  t.equal(log.writable, true)
  await log.write(request)
  t.match(await verifyAuditFiles([`${file}.1`, file]), { ok: true, events: 2 })
})

test('a last line torn by a crash is moved aside and the chain goes on from the line before', async (t) => {
  const line = '{"time":"2026-11-25T12:00:00.007Z","seq":3,"event":"requ'
  for (const torn of [line, `${line}\n`, '{"ti', `${line}\0\0\0`, '\0'.repeat(50), ' '.repeat(4_096), '\n']) {
    const file = join(folder(t), 'audit.jsonl')
    const before = await openAuditLog({ file, chain: true, clock })
    await before.write(request)
    await before.write(request)
    await before.close()
    appendFileSync(file, torn)
    const log = await opened(t, { file })
    t.equal(readFileSync(`${file}.torn-20261125T120000.007Z`, 'utf8'), torn)
    t.equal(log.seq, 2)
    await log.write(request)
    t.match(await verifyAuditFiles([file]), { ok: true, events: 3 })
  }
})

test('a torn line that is the only one is moved aside too', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  writeFileSync(file, '{"time":"2026-11-25T12')
  const log = await opened(t, { file })
  t.equal(log.seq, 0)
  await log.write(request)
  t.match(await verifyAuditFiles([file]), { ok: true, events: 1 })
})

test('kill -9 while writing loses no acknowledged event', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  let acknowledged = 0
  for (let round = 0; round < 3; round += 1) {
    const child = fork(import.meta.filename, {
      env: { ...process.env, AUDIT_CRASH_FILE: file },
      stdio: 'inherit',
    })
    const from = acknowledged
    child.on('message', (seq) => {
      acknowledged = Number(seq)
    })
    await until(() => acknowledged > from + 300 || child.exitCode !== null)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const log = await openAuditLog({ file, chain: true, clock })
    await log.close()
    const verified = await verifyAuditFiles([file])
    t.match(verified, { ok: true, events: log.seq })
    t.ok(log.seq >= acknowledged)
    t.ok(acknowledged > from)
    acknowledged = log.seq
  }
})

test('the audit file must be a regular file of our own, and nothing else is touched', async (t) => {
  const path = folder(t)
  const foreign = ['root:x:0:0:root:/root:/bin/bash\n', '{"level":30}\n', 'half a word', '[1]\n', '"\n']
  for (const [index, text] of foreign.entries()) {
    const file = join(path, `foreign${index}`)
    writeFileSync(file, text)
    await t.rejects(openAuditLog({ file, chain: true, clock }), { code: 'ERR_AUDIT_IO' }, text)
    t.equal(readFileSync(file, 'utf8'), text)
  }
  for (const file of ['/dev/null', path, join(path, 'missing', 'audit.jsonl')]) {
    await t.rejects(openAuditLog({ file, chain: true, clock }), { code: 'ERR_AUDIT_IO' }, file)
  }
})

test('a last line that was changed, or has no line of ours before the torn one, stops the start', async (t) => {
  const file = join(folder(t), 'audit.jsonl')
  const before = await openAuditLog({ file, chain: true, clock })
  await before.write(request)
  await before.close()
  const text = readFileSync(file, 'utf8')
  for (const changed of [text.replace('GET', 'PUT'), `nonsense\n{"time":"2026`]) {
    writeFileSync(file, changed)
    await t.rejects(openAuditLog({ file, chain: true, clock }), { code: 'ERR_AUDIT_IO' })
    t.equal(readFileSync(file, 'utf8'), changed)
  }
})
