import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { type Test, test } from 'tap'
import { Fault } from '../../src/core/faults.js'
import { openEmbeddedStore } from '../../src/store/embedded-store.js'
import type { Store } from '../../src/store/store.js'

const text = (value: string) => new TextEncoder().encode(value)
const read = async (store: Store, name: string) => {
  const value = await store.get(name)
  return value === null ? null : new TextDecoder().decode(value)
}

function movableClock(now = Date.UTC(2026, 10, 25)) {
  const clock = { time: now, now: () => clock.time }
  return clock
}

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'mattergate-store-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return join(path, 'store')
}

async function opened(
  t: Test,
  path: string,
  keyFile: string | null = null,
  clock = movableClock(),
): Promise<Store> {
  const { store } = await openEmbeddedStore({ path, keyFile, clock })
  t.teardown(() => store.close())
  return store
}

async function opening(path: string, keyFile: string | null = null): Promise<Fault> {
  try {
    const { store } = await openEmbeddedStore({ path, keyFile, clock: movableClock() })
    await store.close()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('the store opened')
}

/** As another process: counts up together with the test that forked it. */
async function child(path: string): Promise<never> {
  const { store } = await openEmbeddedStore({ path, keyFile: null, clock: movableClock() })
  process.send?.('ready')
  await count(store, 100)
  await store.close()
  process.exit(0)
}

/** As another process: says what it has written until it is killed. */
async function writer(path: string): Promise<never> {
  const { store } = await openEmbeddedStore({ path, keyFile: null, clock: movableClock() })
  for (let number = 0; ; number++) {
    await store.put(`n/${number}`, text(String(number)))
    process.send?.(number)
  }
}

async function count(store: Store, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const before = await store.get('count')
    const next = Number(before === null ? 0 : new TextDecoder().decode(before)) + 1
    if (await store.compareAndSet('count', before, text(String(next)))) done += 1
  }
}

const [role, rolePath] = process.argv.slice(2)
if (role === 'child' && rolePath !== undefined) await child(rolePath)
if (role === 'writer' && rolePath !== undefined) await writer(rolePath)

test('keeps records over a restart, in a folder of its own', async (t) => {
  const path = folder(t)
  const { store: first } = await openEmbeddedStore({ path, keyFile: null, clock: movableClock() })
  await first.put('a', text('one'))
  await first.close()
  const { store: second, warnings } = await openEmbeddedStore({ path, keyFile: null, clock: movableClock() })
  t.teardown(() => second.close())
  t.equal(await read(second, 'a'), 'one')
  t.equal(await read(second, 'b'), null)
  await second.delete('a')
  await second.delete('a')
  t.equal(await read(second, 'a'), null)
  t.equal(statSync(path).mode & 0o777, 0o700)
  t.equal(statSync(join(path, 'key')).mode & 0o777, 0o600)
  t.equal(statSync(join(path, 'records.mdb')).mode & 0o777, 0o600)
  t.equal(warnings.length, 1, 'warns of the key beside the store')
  await t.rejects(second.get('a\nb'), TypeError)
})

test('lists by prefix, in order, what is alive', async (t) => {
  const clock = movableClock()
  const store = await opened(t, folder(t), null, clock)
  for (let number = 0; number < 600; number++) {
    await store.put(`a/${String(number).padStart(3, '0')}`, text(String(number)))
  }
  await store.put('b/1', text('other'))
  await store.put('a/001', text('gone'), { expiresAtMs: clock.time })
  const names: string[] = []
  for await (const { name, value } of store.list('a/')) {
    names.push(name)
    t.equal(Number(new TextDecoder().decode(value)), Number(name.slice(2)))
  }
  t.equal(names.length, 599)
  t.strictSame(names, [...names].sort())
})

test('forgets a record at its end, and sweeps what has ended', async (t) => {
  const clock = movableClock()
  const store = await opened(t, folder(t), null, clock)
  await store.put('short', text('x'), { expiresAtMs: clock.time + 10 })
  await store.put('long', text('y'), { expiresAtMs: clock.time + 1_000 })
  await store.put('ever', text('z'))
  clock.time += 9
  t.equal(await read(store, 'short'), 'x')
  clock.time += 1
  t.equal(await read(store, 'short'), null)
  t.equal(await store.sweep(), 1)
  t.equal(await store.sweep(), 0)
  t.equal(await read(store, 'long'), 'y')
  clock.time += 10_000_000
  t.equal(await store.sweep(), 1)
  t.equal(await read(store, 'ever'), 'z')
})

test('compares and sets in one step', async (t) => {
  const clock = movableClock()
  const store = await opened(t, folder(t), null, clock)
  t.equal(await store.compareAndSet('a', text('x'), text('y')), false)
  t.equal(await store.compareAndSet('a', null, text('1')), true)
  t.equal(await store.compareAndSet('a', null, text('2')), false)
  t.equal(await store.compareAndSet('a', text('2'), text('3')), false)
  t.equal(await store.compareAndSet('a', text('1'), text('2'), { expiresAtMs: clock.time + 5 }), true)
  clock.time += 5
  t.equal(await store.compareAndSet('a', text('2'), text('3')), false, 'what has expired is not there')
  t.equal(await store.compareAndSet('a', null, text('4')), true)
  t.equal(await store.compareAndSet('a', text('4'), null), true)
  t.equal(await read(store, 'a'), null)
  const racing = Array.from({ length: 20 }, (_, n) => store.compareAndSet('race', null, text(String(n))))
  t.equal((await Promise.all(racing)).filter(Boolean).length, 1)
  const value = await store.get('race')
  const again = Array.from({ length: 20 }, (_, n) => store.compareAndSet('race', value, text(`again ${n}`)))
  t.equal((await Promise.all(again)).filter(Boolean).length, 1)
})

test('lends a name to one holder at a time', async (t) => {
  const clock = movableClock()
  const store = await opened(t, folder(t), null, clock)
  const first = await store.lease('job', 1_000)
  t.not(first, null)
  t.equal(await store.lease('job', 1_000), null)
  t.not(await store.lease('other', 1_000), null)
  clock.time += 1_000
  const second = await store.lease('job', 1_000)
  t.not(second, null, 'a lease that ran out is free')
  t.equal(await first?.release(), false, 'and its old holder cannot give it back')
  t.equal(await store.lease('job', 1_000), null)
  t.equal(await second?.release(), true)
  t.not(await store.lease('job', 1_000), null)
})

test('holds when two processes write at once', async (t) => {
  const path = folder(t)
  const store = await opened(t, path)
  const other = fork(import.meta.filename, ['child', path])
  await once(other, 'message')
  await Promise.all([count(store, 100), once(other, 'exit').then(([code]) => t.equal(code, 0))])
  t.equal(await read(store, 'count'), '200')
})

test('has every record that it reported as written when its process is killed', async (t) => {
  const path = folder(t)
  const other = fork(import.meta.filename, ['writer', path])
  let last = -1
  other.on('message', (number: number) => {
    last = number
    if (number === 60) other.kill('SIGKILL')
  })
  await once(other, 'exit')
  const store = await opened(t, path)
  t.ok(last >= 60)
  for (let number = 0; number <= last; number++) t.equal(await read(store, `n/${number}`), String(number))
})

test('reads a key as hex or base64 text, and nothing else', async (t) => {
  const path = folder(t)
  const key = Buffer.alloc(32, 7)
  const keyFile = `${path}.key`
  writeFileSync(keyFile, `${key.toString('base64')}\n`, { mode: 0o600 })
  const { store, warnings } = await openEmbeddedStore({ path, keyFile, clock: movableClock() })
  t.strictSame(warnings, [])
  await store.put('a', text('one'))
  await store.close()
  writeFileSync(keyFile, key.toString('hex').toUpperCase())
  const again = await opened(t, path, keyFile)
  t.equal(await read(again, 'a'), 'one')
  const bad = [
    '',
    'secret',
    key.toString('latin1'),
    key.toString('hex').slice(2),
    Buffer.alloc(33).toString('base64'),
  ]
  for (const content of bad) {
    writeFileSync(keyFile, content)
    const fault = await opening(path, keyFile)
    t.equal(fault.code, 'ERR_STORE_KEY')
    t.match(fault.message, keyFile)
  }
  rmSync(keyFile)
  t.equal((await opening(path, keyFile)).code, 'ERR_STORE_KEY')
})

test('tells a wrong key and a lost key from damage', async (t) => {
  const path = folder(t)
  const { store } = await openEmbeddedStore({ path, keyFile: null, clock: movableClock() })
  await store.put('a', text('one'))
  await store.close()
  const keyFile = join(path, 'key')
  const key = readFileSync(keyFile)
  writeFileSync(keyFile, Buffer.alloc(32, 1).toString('base64'))
  t.equal((await opening(path)).code, 'ERR_STORE_KEY')
  rmSync(keyFile)
  t.equal((await opening(path)).code, 'ERR_STORE_KEY', 'no new key is made for an old store')
  writeFileSync(keyFile, key)
  t.equal(await read(await opened(t, path), 'a'), 'one')
})

test('names a damaged or foreign file before it harms the process', async (t) => {
  const path = folder(t)
  const file = join(path, 'records.mdb')
  const whole = `${path}.whole`
  const { store } = await openEmbeddedStore({ path, keyFile: null, clock: movableClock() })
  for (let number = 0; number < 200; number++) await store.put(`n/${number}`, Buffer.alloc(200))
  await store.close()
  cpSync(file, whole)
  const damages: Record<string, () => void> = {
    'cut off': () => truncateSync(file, 16_384),
    'cut off within its first page': () => truncateSync(file, 1_000),
    'another file': () => writeFileSync(file, 'hello\n'.repeat(10_000)),
    zeros: () => writeFileSync(file, Buffer.alloc(65_536)),
    'the check record gone': () => changeDatabase(file, (database) => database.removeSync('store/check')),
    'the check record damaged': () =>
      changeDatabase(file, (database) => {
        const record = Buffer.from(database.get('store/check') ?? [])
        record.writeUInt8(record.readUInt8(30) ^ 1, 30)
        database.putSync('store/check', record, 5)
      }),
  }
  for (const [what, damage] of Object.entries(damages)) {
    cpSync(whole, file)
    rmSync(`${file}-lock`, { force: true })
    damage()
    const fault = await opening(path)
    t.equal(fault.code, 'ERR_STORE_DAMAGED', what)
    t.match(fault.message, file)
  }
})

test('does not open a record that was moved to another name or changed', async (t) => {
  const path = folder(t)
  const store = await opened(t, path)
  const clock = movableClock()
  await store.put('token/alice', text('a'))
  await store.put('token/bob', text('b'), { expiresAtMs: clock.time + 1_000 })
  await store.put('token/carol', text('c'))
  changeDatabase(join(path, 'records.mdb'), (database) => {
    database.putSync('token/alice', Buffer.from(database.get('token/carol') ?? []), 5)
    const later = Buffer.from(database.get('token/bob') ?? [])
    later.writeDoubleBE(clock.time + 1_000_000, 1)
    database.putSync('token/bob', later, 6)
  })
  await t.rejects(store.get('token/alice'), { code: 'ERR_STORE_DAMAGED' })
  await t.rejects(store.get('token/bob'), { code: 'ERR_STORE_DAMAGED' }, 'its end is sealed as well')
  t.equal(await read(store, 'token/carol'), 'c')
})

test('says so when its folder cannot be used, and after it was closed', async (t) => {
  const path = folder(t)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, 'a file')
  const fault = await opening(path)
  t.equal(fault.code, 'ERR_STORE_IO')
  t.match(fault.message, path)
  rmSync(path)
  const { store } = await openEmbeddedStore({ path, keyFile: null, clock: movableClock() })
  await store.close()
  await t.rejects(store.get('a'), { code: 'ERR_STORE_IO' })
  await t.rejects(store.put('a', text('1')), { code: 'ERR_STORE_IO' })
  await store.close()
})

function changeDatabase(file: string, change: (database: ReturnType<typeof open<Buffer, string>>) => void) {
  const database = open<Buffer, string>({ path: file, noSubdir: true, encoding: 'binary', useVersions: true })
  change(database)
  void database.close()
}
