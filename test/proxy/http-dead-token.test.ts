import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { Fault } from '../../src/core/faults.js'
import { Refusal } from '../../src/core/refusals.js'
import type { UpstreamSession } from '../../src/mattermost/sign-in.js'
import { owned, session } from './allowed.js'
import { ask, eventually, gateway, ok, parse, rawClient, rawUpstream } from './wire.js'

const body = JSON.stringify({ id: 'api.context.session_expired.app_error', message: 'x', status_code: 401 })
const otherBody = JSON.stringify({ id: 'api.context.token_provided.app_error', status_code: 401 })

function unauthorized(text: string, headers = ''): string {
  const cookie = 'Set-Cookie: MMAUTHTOKEN=; Max-Age=0\r\n'
  return `HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n${cookie}${headers}Content-Length: ${text.length}\r\n\r\n${text}`
}

/** Mattermost answers 401 to the token `dead`, 200 to any other; `condemned` counts the questions asked. */
async function setUp(
  t: Test,
  verdict: () => Promise<'accepted' | UpstreamSession | Refusal>,
  denial: string = unauthorized(body),
) {
  const upstream = await rawUpstream(t, (socket, head) =>
    socket.write(head.includes('Bearer dead') ? denial : ok('alive'), 'latin1'),
  )
  const asked = { times: 0 }
  const dead = session('dead', () => {
    asked.times += 1
    return verdict()
  })
  const front = await gateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    forwarding: { ...owned, session: dead },
  })
  return { ...front, upstream, asked }
}

test('repeats a GET once with the new token', async (t) => {
  const { port, upstream, asked, outcomes } = await setUp(t, () => Promise.resolve(session('fresh')))
  const answer = parse(await ask(t, port, 'GET /api/v4/users/me?a=1', 'X-A: 1\r\n'))
  t.strictSame([answer.status, answer.body], [200, 'alive'])
  t.match(
    upstream.received.join(''),
    /Bearer dead[^]*GET \/api\/v4\/users\/me\?a=1 [^]*X-A: 1\r\n[^]*Bearer fresh/,
  )
  t.equal(asked.times, 1)
  t.strictSame(outcomes, [{ status: 200, bytes: 5, complete: true }])
})

test('recognises it in a gzipped answer, and does not ask a second time', async (t) => {
  const gzipped = gzipSync(body).toString('latin1')
  const denial = unauthorized(gzipped, 'Content-Encoding: gzip\r\n')
  let askedAgain = 0
  const alsoDead = session('dead', () => {
    askedAgain += 1
    return Promise.resolve('accepted')
  })
  const { port, asked, upstream } = await setUp(t, () => Promise.resolve(alsoDead), denial)
  const answer = parse(await ask(t, port, 'GET /api/v4/users/me'))
  t.strictSame([answer.status, answer.body], [401, gzipped])
  t.strictSame([asked.times, askedAgain], [1, 0])
  t.equal(upstream.received.join('').match(/GET/g)?.length, 2)
})

test('asks the client to repeat what is not safe to repeat', async (t) => {
  const { port, upstream } = await setUp(t, () => Promise.resolve(session('fresh')))
  const answer = parse(await ask(t, port, 'POST /api/v4/posts', 'Content-Length: 2\r\n', '{}'))
  t.strictSame([answer.status, answer.body], [503, 'sign_in_unavailable'])
  t.ok(answer.headers.includes('Retry-After: 1'))
  t.notMatch(upstream.received.join(''), /fresh/)
})

test('passes the 401 unchanged when the token is alive', async (t) => {
  const { port, asked } = await setUp(t, () => Promise.resolve('accepted'))
  const answer = parse(await ask(t, port, 'PUT /api/v4/x', 'Content-Length: 0\r\n'))
  t.strictSame([answer.status, answer.body, asked.times], [401, body, 1])
  t.notMatch(answer.headers.join(), /MMAUTHTOKEN/)
})

test('refuses when the account is gone, and when the answer cannot be had', async (t) => {
  const gone = await setUp(t, () => Promise.resolve(new Refusal('user_deactivated')))
  const refused = parse(await ask(t, gone.port, 'GET /api/v4/x'))
  t.strictSame([refused.status, refused.body], [403, 'user_deactivated'])
  const fault = new Fault('ERR_MATTERMOST_UNREACHABLE', 'asking whether a token is alive')
  const down = await setUp(t, () => Promise.reject(fault))
  const answer = parse(await ask(t, down.port, 'GET /api/v4/x'))
  t.strictSame([answer.status, answer.body], [503, 'sign_in_unavailable'])
  t.strictSame(down.faults, [fault])
})

test('passes every other 401 without a question', async (t) => {
  const long = JSON.stringify({ id: 'api.context.session_expired.app_error', more: 'x'.repeat(200_000) })
  const html = 'HTTP/1.1 401 No\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno'
  const cases: readonly (readonly [string, string, string])[] = [
    ['GET /plugins/x', unauthorized(body), body],
    ['GET /api/v4x', unauthorized(body), body],
    ['GET /api/v4/x', unauthorized(otherBody), otherBody],
    ['GET /api/v4/x', unauthorized('not json'), 'not json'],
    ['GET /api/v4/x', unauthorized('zz', 'Content-Encoding: gzip\r\n'), 'zz'],
    ['GET /api/v4/x', unauthorized('zz', 'Content-Encoding: br\r\n'), 'zz'],
    ['GET /api/v4/x', unauthorized(long), long],
    ['GET /api/v4/x', html, 'no'],
    ['HEAD /api/v4/x', 'HTTP/1.1 401 No\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n', ''],
  ]
  for (const [requestLine, denial, expected] of cases) {
    const { port, asked } = await setUp(t, () => Promise.resolve(session('fresh')), denial)
    const answer = parse(await ask(t, port, requestLine))
    t.strictSame(
      [answer.status, answer.body, asked.times],
      [401, expected, 0],
      `${requestLine} ${expected.slice(0, 9)}`,
    )
  }
})

test('does nothing more for a client that left while the token was asked about', async (t) => {
  const asked: (() => void)[] = []
  const answer = new Promise<UpstreamSession>((resolve) => asked.push(() => resolve(session('fresh'))))
  const { port, upstream, outcomes, asked: questions } = await setUp(t, () => answer)
  const client = await rawClient(t, port, 'GET /api/v4/x HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => questions.times === 1)
  client.socket.destroy()
  await eventually(() => outcomes.length === 1)
  asked[0]?.()
  await answer
  t.strictSame(outcomes, [{ status: null, bytes: 0, complete: false }])
  t.notMatch(upstream.received.join(''), /fresh/)
})
