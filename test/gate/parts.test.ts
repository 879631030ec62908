import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { browserCookies } from '../../src/gate/browser-cookies.js'
import { newRequestId } from '../../src/gate/request-id.js'
import type { CertificateVerdict } from '../../src/gate/verdict.js'
import { VerdictCache } from '../../src/gate/verdict-cache.js'
import { VerificationQueue } from '../../src/gate/verification-queue.js'

function bad(endsAt: number): CertificateVerdict {
  return { refusal: new Refusal('chain_untrusted'), certificate: null, identity: null, endsAt }
}

test('a verdict holds until its end and not a millisecond longer', async (t) => {
  let now = 1_000
  const cache = new VerdictCache({ now: () => now })
  const verdict = bad(2_000)
  cache.put(1, 'a', verdict)
  now = 2_000
  t.equal(cache.get(1, 'a'), verdict)
  now = 2_001
  t.equal(cache.get(1, 'a'), undefined)
})

test('a verdict of one generation of the trust store says nothing in the next', async (t) => {
  const cache = new VerdictCache({ now: () => 0 })
  cache.put(1, 'a', bad(1))
  t.equal(cache.get(2, 'a'), undefined)
})

test('a flood of bad certificates pushes no good verdict out', async (t) => {
  const cache = new VerdictCache({ now: () => 0 })
  // The cache looks at the refusal alone to tell good from bad.
  const good = {
    refusal: null,
    certificate: null,
    identity: null,
    endsAt: 1,
  } as unknown as CertificateVerdict
  cache.put(1, 'good', good)
  for (let number = 0; number < 10_000; number += 1) cache.put(1, `bad ${number}`.padEnd(2_000), bad(1))
  t.equal(cache.get(1, 'good'), good)
  t.equal(cache.get(1, 'bad 0'.padEnd(2_000)), undefined, 'and the bad ones are bounded')
})

test('what is known of one certificate is dropped in whatever words it came, and nothing else', async (t) => {
  const cache = new VerdictCache({ now: () => 0 })
  const of = (sha256: string) => ({ ...bad(1), certificate: { facts: { sha256 } } }) as CertificateVerdict
  for (const name of ['a', 'A']) cache.put(1, name, of('aa'))
  cache.put(1, 'b', of('bb'))
  cache.put(1, 'c', bad(1))
  cache.drop('aa')
  t.strictSame(
    ['a', 'A', 'b', 'c'].map((name) => cache.get(1, name) !== undefined),
    [false, false, true, true],
  )
})

test('the sweep drops what is due and leaves the rest', async (t) => {
  let now = 0
  const cache = new VerdictCache({ now: () => now })
  const later = bad(20)
  cache.put(1, 'soon', bad(10))
  cache.put(1, 'later', later)
  now = 15
  cache.sweep()
  now = 5
  t.equal(cache.get(1, 'soon'), undefined)
  t.equal(cache.get(1, 'later'), later)
})

test('the same certificate is verified once, however many requests bring it', async (t) => {
  const queue = new VerificationQueue<number>(4)
  let runs = 0
  const work = async () => {
    runs += 1
    return runs
  }
  const results = await Promise.all(Array.from({ length: 50 }, async () => queue.run('a', work)))
  t.equal(runs, 1)
  t.ok(results.every((result) => result === 1))
})

test('no more verifications run at once than allowed, and all of them run', async (t) => {
  const queue = new VerificationQueue<void>(2)
  let running = 0
  let most = 0
  const work = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
  }
  await Promise.all(Array.from({ length: 40 }, async (_, number) => queue.run(`${number}`, work)))
  t.equal(most, 2)
  t.equal(running, 0)
})

test('a queue that is full answers overloaded at once, and takes work again when it has drained', async (t) => {
  const queue = new VerificationQueue<string>(1)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const outcomes = Array.from({ length: 200 }, (_, number) =>
    queue.run(`${number}`, async () => {
      await held
      return 'done'
    }),
  )
  const refused = outcomes.filter((outcome) => outcome instanceof Refusal)
  t.ok(refused.length > 0 && refused.length < 200)
  t.ok(refused.every((refusal) => refusal.code === 'overloaded'))
  release()
  await Promise.all(outcomes.filter((outcome) => outcome instanceof Promise))
  t.equal(await queue.run('after', async () => 'done'), 'done')
})

test('what waits for something outside holds nobody up, and takes a place again to go on', async (t) => {
  const queue = new VerificationQueue<string>(1)
  let answer = () => {}
  const outside = new Promise<void>((resolve) => {
    answer = resolve
  })
  const waiting = Array.from({ length: 50 }, (_, number) =>
    queue.run(`asks ${number}`, async (aside) => {
      await aside(() => outside)
      return 'answered'
    }),
  )
  t.equal(await queue.run('known', async () => 'done'), 'done')
  answer()
  t.strictSame(new Set(await Promise.all(waiting.map(async (one) => one))), new Set(['answered']))
})

test('a verification that fails frees its place', async (t) => {
  const queue = new VerificationQueue<string>(1)
  const failing = queue.run('a', () => Promise.reject(new Error('no')))
  await t.rejects(Promise.resolve(failing))
  t.equal(await queue.run('a', async () => 'done'), 'done')
})

test('a browser gets the cookies that it lacks, and only those', async (t) => {
  const secure = { secure: true }
  t.strictSame(browserCookies([], 'u1', 's1', secure), [
    'MMUSERID=u1; Path=/; SameSite=Lax; Secure',
    '__Host-mattergate=s1; Path=/; HttpOnly; SameSite=Lax; Secure',
  ])
  t.strictSame(browserCookies(['a=b; MMUSERID=u1; __Host-mattergate=s1'], 'u1', 's1', secure), [])
  t.strictSame(browserCookies(['MMUSERID=u1', '__Host-mattergate=s1'], 'u1', 's1', secure), [])
})

test("another user's cookies, or a second one of the name, are replaced", async (t) => {
  const plain = { secure: false }
  t.strictSame(browserCookies(['MMUSERID=u2; mattergate=s1'], 'u1', 's1', plain), [
    'MMUSERID=u1; Path=/; SameSite=Lax',
  ])
  t.strictSame(browserCookies(['MMUSERID=u1; mattergate=s2; mattergate=s1'], 'u1', 's1', plain), [
    'mattergate=s1; Path=/; HttpOnly; SameSite=Lax',
  ])
})

test('request ids have the form of Mattermost and do not repeat', async (t) => {
  const ids = Array.from({ length: 1_000 }, newRequestId)
  t.ok(ids.every((id) => /^[a-z0-9]{26}$/.test(id)))
  t.equal(new Set(ids).size, ids.length)
})
