import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import WebSocket from 'ws'
import { type Standin, startStandin } from '../../src/demo/standin/standin.js'

type Teardown = { teardown: (end: () => Promise<unknown>) => unknown }

async function started(t: Teardown, options: Parameters<typeof startStandin>[0] = {}): Promise<Standin> {
  const standin = await startStandin(options)
  t.teardown(() => standin.close())
  return standin
}

function get(standin: Standin, path: string, token: string): Promise<Response> {
  return fetch(`${standin.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
}

async function makeToken(standin: Standin, name: string, description = 'x'): Promise<string> {
  const answer = await fetch(`${standin.url}/api/v4/users/${standin.user(name).id}/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${standin.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ description }),
  })
  return ((await answer.json()) as { token: string }).token
}

function openSocket(standin: Standin, path: string, token?: string): WebSocket {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return new WebSocket(`${standin.url.replace('http', 'ws')}${path}`, { headers })
}

test('shows what reached it: target, raw headers, body size, upgrades', async (t) => {
  const standin = await started(t)
  await fetch(`${standin.url}/hooks%2Fx?a=1`, { method: 'POST', headers: { 'X-One': 'two' }, body: '12345' })
  const socket = openSocket(standin, '/api/v4/websocket')
  await once(socket, 'open')
  socket.terminate()
  const [post, upgrade] = standin.requests
  t.match(post, { method: 'POST', target: '/hooks%2Fx?a=1', bodyBytes: 5, upgrade: false })
  const at = post?.rawHeaders.findIndex((name) => name.toLowerCase() === 'x-one') ?? -1
  t.equal(post?.rawHeaders[at + 1], 'two')
  t.match(upgrade, { target: '/api/v4/websocket', upgrade: true })
})

test('changes its users as a test says', async (t) => {
  const standin = await started(t)
  const token = await makeToken(standin, 'alice', 'mattergate one')
  t.match(standin.tokensOf('alice'), [{ description: 'mattergate one', is_active: true }])
  standin.deactivate('alice')
  t.equal((await get(standin, '/api/v4/users/me', token)).status, 401)
  standin.activate('alice')
  t.equal((await get(standin, '/api/v4/users/me', token)).status, 200)
  standin.rename('alice', 'alice2')
  t.match(await (await get(standin, '/api/v4/users/me', token)).json(), { username: 'alice2' })
  standin.revokeAllTokens('alice2')
  t.equal((await get(standin, '/api/v4/users/me', token)).status, 401)
  standin.addUser({ username: 'judy', email: 'j@example.org' })
  t.equal((await get(standin, '/api/v4/users/email/J@example.org', standin.adminToken)).status, 200)
  standin.deleteUser('judy')
  t.equal((await get(standin, '/api/v4/users/username/judy', standin.adminToken)).status, 404)
  t.throws(() => standin.user('judy'))
})

test('cuts connections, in the middle of a body too, and is down when told', async (t) => {
  const standin = await started(t)
  standin.answerNext('/a', 'destroy')
  await t.rejects(fetch(`${standin.url}/a`))
  standin.answerNext('/a', 'destroy-in-body')
  const cut = await fetch(`${standin.url}/a`)
  await t.rejects(cut.text())
  const socket = openSocket(standin, '/plugins/echo/ws')
  await once(socket, 'open')
  standin.setDown(true)
  await once(socket, 'close')
  await t.rejects(fetch(`${standin.url}/a`))
  standin.setDown(false)
  t.equal((await fetch(`${standin.url}/a`)).status, 200)
})

test('answers in its own place, holds a request until it is released, and delays', async (t) => {
  const standin = await started(t)
  standin.answerNext('/api/v4/users/me', { status: 503, headers: { 'Retry-After': '1' }, body: 'later' })
  const instead = await get(standin, '/api/v4/users/me', standin.adminToken)
  t.same([instead.status, instead.headers.get('retry-after')], [503, '1'])
  t.equal((await get(standin, '/api/v4/users/me', standin.adminToken)).status, 200)
  const held = standin.holdNext('/held')
  let answered = false
  const answer = fetch(`${standin.url}/held`).then((found) => {
    answered = true
    return found.status
  })
  await held.arrived
  t.equal(answered, false)
  held.release()
  t.equal(await answer, 200)
  standin.delayAnswers('/slow', 20)
  t.equal((await fetch(`${standin.url}/slow`)).status, 200)
})

test('limits the rate by address, pages too, and not the local-mode socket', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'standin-'))
  const socketPath = join(folder, 'local.socket')
  const clock = { now: () => 1_700_000_000_000 }
  const standin = await started(t, { rateLimit: { perSec: 1, maxBurst: 1 }, localSocket: socketPath, clock })
  t.teardown(() => rm(folder, { recursive: true }))
  const answers = [await fetch(standin.url), await fetch(standin.url), await fetch(standin.url)]
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 429],
  )
  t.equal(answers[2]?.headers.get('retry-after'), '1')
  t.equal(answers[0]?.headers.get('x-ratelimit-limit'), '2')
  t.equal(await answers[2]?.text(), 'limit exceeded\n')
  const local = request({ socketPath, path: '/api/v4/system/ping' }).end()
  const [answer] = (await once(local, 'response')) as [{ statusCode: number; resume: () => void }]
  answer.resume()
  t.equal(answer.statusCode, 200)
})

test('tells open sockets of a post, and pings them', async (t) => {
  const standin = await started(t, { pingIntervalMs: 10 })
  const token = await makeToken(standin, 'alice')
  const socket = openSocket(standin, '/api/v4/websocket', token)
  const messages: string[] = []
  socket.on('message', (data: Buffer) => messages.push(data.toString('utf8')))
  await once(socket, 'message')
  t.match(standin.openSockets(), [{ username: 'alice', path: '/api/v4/websocket' }])
  const posted = once(socket, 'message')
  await fetch(`${standin.url}/api/v4/posts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ channel_id: standin.channelId, message: 'hello' }),
  })
  await posted
  t.same(
    messages.map((text) => (JSON.parse(text) as { event: string }).event),
    ['hello', 'posted'],
  )
  await once(socket, 'ping')
  standin.openSockets()[0]?.drop()
  const [code] = (await once(socket, 'close')) as [number]
  t.equal(code, 1006)
  t.same(standin.openSockets(), [])
})

test('drops a client that answers no ping', async (t) => {
  let now = 1_700_000_000_000
  const standin = await started(t, { pingIntervalMs: 10, clock: { now: () => now } })
  const headers = { authorization: `Bearer ${standin.adminToken}` }
  const socket = new WebSocket(`${standin.url.replace('http', 'ws')}/api/v4/websocket`, {
    headers,
    autoPong: false,
  })
  await once(socket, 'ping')
  now += 100_001
  const [code] = (await once(socket, 'close')) as [number]
  t.equal(code, 1006)
})

test('takes a message in fragments', async (t) => {
  const standin = await started(t)
  const socket = openSocket(standin, '/api/v4/websocket', standin.adminToken)
  await once(socket, 'message')
  socket.send('{"seq":1,', { fin: false })
  socket.send('"action":"ping"}', { fin: true })
  const [reply] = (await once(socket, 'message')) as [Buffer]
  t.match(JSON.parse(reply.toString('utf8')), { status: 'OK', seq_reply: 1, data: { text: 'pong' } })
  socket.terminate()
})

test("echoes what is sent to the plugin's websocket, whatever its size", async (t) => {
  const standin = await started(t)
  const socket = openSocket(standin, '/plugins/echo/ws')
  await once(socket, 'open')
  for (const size of [0, 125, 126, 65_535, 65_536, 1_000_000]) {
    const sent = Buffer.alloc(size, size % 251)
    socket.send(sent)
    const [echoed] = (await once(socket, 'message')) as [Buffer]
    t.ok(sent.equals(echoed), `${size} bytes`)
  }
  t.equal(standin.openPluginSockets(), 1)
  socket.close(4000, 'bye')
  const [code] = (await once(socket, 'close')) as [number]
  t.equal(code, 4000)
})

test('closes while sockets and requests are open', async (t) => {
  const standin = await startStandin()
  const socket = openSocket(standin, '/api/v4/websocket')
  await once(socket, 'open')
  const held = standin.holdNext('/held')
  const pending = fetch(`${standin.url}/held`)
  await held.arrived
  await Promise.all([standin.close(), once(socket, 'close'), t.rejects(pending)])
  held.release()
})
