import { test } from 'tap'
import { SessionBook } from '../../src/sessions/session-book.js'
import { memoryStore } from '../../src/store/memory-store.js'

const idleMs = 1_000

function bookAt(time: { now: number }) {
  const clock = { now: () => time.now }
  const store = memoryStore(clock)
  return { store, book: () => new SessionBook({ store, clock, idleMs }) }
}

test('a session begins once for each certificate and user, whatever the number of parallel requests', async (t) => {
  const book = bookAt({ now: 0 }).book()
  const seen = await Promise.all(Array.from({ length: 20 }, async () => book.see('aa', 'u1')))
  t.equal(seen.filter(({ begins }) => begins).length, 1)
  t.equal(new Set(seen.map(({ session }) => session.id)).size, 1)
  const other = await book.see('bb', 'u1')
  t.ok(other.begins)
  t.not(other.session.id, seen[0]?.session.id)
})

test('it goes on while requests come, and begins anew after the idle time', async (t) => {
  const time = { now: 0 }
  const book = bookAt(time).book()
  const first = await book.see('aa', 'u1')
  time.now = idleMs
  t.equal((await book.see('aa', 'u1')).begins, false)
  time.now = 2 * idleMs
  t.equal((await book.see('aa', 'u1')).begins, false, 'counted from the last request')
  time.now = 3 * idleMs + 1
  const later = await book.see('aa', 'u1')
  t.ok(later.begins)
  t.not(later.session.id, first.session.id)
})

test('it outlives the process, with what was last flushed', async (t) => {
  const time = { now: 0 }
  const { book } = bookAt(time)
  const before = book()
  const { session } = await before.see('aa', 'u1')
  time.now = 800
  await before.see('aa', 'u1')
  await before.flush()
  time.now = 1_700
  const resumed = await book().see('aa', 'u1')
  t.equal(resumed.begins, false)
  t.equal(resumed.session.id, session.id)
})

test('a record that is not a session is none', async (t) => {
  const { store, book } = bookAt({ now: 0 })
  await store.put('session/aa/u1', new TextEncoder().encode('{"id":1}'))
  t.ok((await book().see('aa', 'u1')).begins)
})
