import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import type { Decision } from '../../src/gate/decision.js'
import { makeCa } from '../support/certificates.js'
import { allowedRequest, owned, session } from './allowed.js'
import {
  accept,
  closeOf,
  frame,
  handshake,
  key,
  refusedOf,
  switching,
  websocketClient,
  websocketGateway,
  websocketServer,
} from './websocket-gateway.js'
import { eventually, listen, parse, rawClient, rawUpstream } from './wire.js'

test('sends the handshake upstream with the credential, and the 101 back without one', async (t) => {
  const upstream = await rawUpstream(t, (socket) =>
    socket.write(
      `${switching.slice(0, -2)}Token: secret\r\nSet-Cookie: MMAUTHTOKEN=x\r\nSec-WebSocket-Protocol: b\r\nContent-Length: 0\r\n\r\n`,
    ),
  )
  const { port, opened } = await websocketGateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    forwarding: { ...owned, session: session('t1') },
  })
  const client = await rawClient(
    t,
    port,
    handshake({
      line: 'GET /api/v4/websocket?access_token=x&a=%zz HTTP/1.1',
      more: 'Origin: https://chat.example.com\r\nSec-WebSocket-Protocol: a, b\r\nX-SSL-Client-Cert: AAA\r\nAuthorization: own\r\nCookie: a=1; MMAUTHTOKEN=x\r\n',
    }),
  )
  t.equal(
    await client.until(/\r\n\r\n/),
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: b\r\n\r\n`,
  )
  t.equal(
    upstream.received[0],
    `GET /api/v4/websocket?a=%zz HTTP/1.1\r\nHost: chat.example.com\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n` +
      'Origin: https://chat.example.com\r\nSec-WebSocket-Protocol: a, b\r\nCookie: a=1\r\n' +
      'X-Forwarded-Proto: https\r\nX-Forwarded-Host: chat.example.com\r\nAuthorization: Bearer t1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  t.equal(opened.length, 1)
})

test('passes on what either side sent together with its handshake', async (t) => {
  const upstream = await rawUpstream(t, (socket) => {
    setTimeout(() => socket.write(Buffer.concat([Buffer.from(switching), frame(1, 'hello', false)])), 30)
  })
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const client = await rawClient(t, gateway.port, handshake() + frame(1, 'early', true).toString('latin1'))
  client.socket.write(frame(1, 'later', true))
  await client.until(/hello$/)
  await eventually(() => /later$/.test(upstream.received[0] ?? ''))
  t.match(upstream.received[0], /\r\n\r\n\x81\x85\0\0\0\0early\x81\x85\0\0\0\0later$/)
})

test('tells that it switched when early bytes can be taken', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  const gateway = await websocketGateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    switched: (socket) => void socket.push(frame(1, 'held', true)),
  })
  const client = await rawClient(t, gateway.port, handshake())
  await client.until(/\r\n\r\n/)
  await eventually(() => /held$/.test(upstream.received[0] ?? ''))
})

test('asks nothing upstream for a request that is refused', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  let decide: (decision: Decision) => void = () => undefined
  const gateway = await websocketGateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    admit: () => new Promise((resolve) => (decide = resolve)),
  })
  const client = await rawClient(t, gateway.port, handshake())
  const requested = new Promise((resolve) => gateway.server.once('upgrade', resolve))
  await requested
  decide(refusedOf({ url: '/' } as never, new Refusal('certificate_revoked')))
  const answer = parse(await client.closed)
  t.strictSame([answer.status, answer.body], [403, 'certificate_revoked'])
  t.ok(answer.headers.includes('Connection: close'))
  t.equal(upstream.sockets.length, 0)
})

test('refuses what is no handshake of a websocket, before asking upstream', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const broken = [
    handshake({ key: '' }),
    handshake({ key: 'AAAA' }),
    handshake({ key: 'dGhlIHNhbXBsZSBub25jZR==' }),
    handshake({ version: '8' }),
    handshake({ more: `Sec-WebSocket-Key: ${key}\r\n` }),
    handshake({ more: 'Content-Length: 4\r\n' }),
    handshake({ more: 'Transfer-Encoding: chunked\r\n' }),
    handshake({ line: 'GET /x HTTP/1.0' }),
    handshake({ line: 'PUT /x HTTP/1.1' }),
    'POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: 5\r\n\r\nhello',
  ]
  for (const bytes of broken) {
    const answer = parse(await (await rawClient(t, gateway.port, bytes)).closed)
    t.strictSame([answer.status, answer.body], [400, 'upgrade_refused'], bytes.slice(0, 300))
  }
  t.equal(upstream.sockets.length, 0)
  t.equal(gateway.refusals.length, 9, 'admit itself refused h2c')
})

test("passes on Mattermost's own answer and closes", async (t) => {
  const body = 'x'.repeat(300_000)
  const answers = [
    'HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nToken: t\r\nX-A: 1\r\n\r\nno',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n${body}\r\n0\r\n\r\n`,
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    'HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nuntil the end',
  ]
  const upstream = await rawUpstream(t, (socket, _head, index) => {
    const answer = answers[index] ?? ''
    if (answer.includes('Connection: close')) socket.end(answer)
    else socket.write(answer)
  })
  const gateway = await websocketGateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    forwarding: owned,
  })
  const ask = async () => parse(await (await rawClient(t, gateway.port, handshake())).closed)
  const [refused, chunked, unchanged, untilEnd] = [await ask(), await ask(), await ask(), await ask()]
  t.strictSame([refused.status, refused.body], [401, 'no'])
  t.strictSame(refused.headers, ['Content-Length: 2', 'X-A: 1', 'Connection: close'])
  t.equal(chunked.body.replace(/[0-9a-f]+\r\n|\r\n/g, '').length, body.length)
  t.strictSame([unchanged.status, unchanged.body], [304, ''])
  t.match(untilEnd.body, /until the end/)
  t.strictSame([gateway.opened.length, gateway.refusals.length], [0, 0])
  await eventually(() => upstream.sockets.every((socket) => socket.destroyed))
})

test('shows where an answer of Mattermost breaks off', async (t) => {
  const upstream = await rawUpstream(t, (socket) => {
    socket.write('HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n')
    setTimeout(() => socket.destroy(), 20)
  })
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const text = await (await rawClient(t, gateway.port, handshake())).closed
  t.match(text, /ab/)
  t.notMatch(text, /\r\n0\r\n/)
})

test('switches to nothing that upstream did not agree to', async (t) => {
  const answers = [
    switching.replace(accept, 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='),
    switching.replace(/Sec-[^\r]*\r\n/, ''),
    switching.replace('websocket', 'h2c'),
    switching.replace(/Upgrade: [^\r]*\r\n/, ''),
    switching.replace('\r\n\r\n', `\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`),
    'nonsense\r\n\r\n',
    'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n',
  ]
  const upstream = await rawUpstream(t, (socket, _head, index) => socket.write(answers[index] ?? ''))
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  for (const answer of answers) {
    const told = parse(await (await rawClient(t, gateway.port, handshake())).closed)
    t.strictSame([told.status, told.body], [502, 'upstream_unreachable'], answer)
  }
  await eventually(() => upstream.sockets.every((socket) => socket.destroyed))
})

test('tells an unreachable upstream from one that is late', async (t) => {
  const server = createServer()
  const closedPort = await listen(t, server)
  await new Promise((resolve) => server.close(resolve))
  const dead = await websocketGateway(t, { upstream: `http://127.0.0.1:${closedPort}` })
  const unreachable = parse(await (await rawClient(t, dead.port, handshake())).closed)
  t.strictSame([unreachable.status, unreachable.body], [502, 'upstream_unreachable'])
  t.equal(dead.refusals[0]?.detail, 'ECONNREFUSED')

  const silent = await rawUpstream(t, () => undefined)
  const late = await websocketGateway(t, {
    upstream: `http://127.0.0.1:${silent.port}`,
    answerTimeoutMs: 50,
  })
  const timedOut = parse(await (await rawClient(t, late.port, handshake())).closed)
  t.strictSame([timedOut.status, timedOut.body], [504, 'upstream_timeout'])
  await eventually(() => silent.sockets.every((socket) => socket.destroyed))
})

test('waits for the connection no longer than it may', async (t) => {
  // The TCP handshake is done by the kernel; TLS never comes.
  const silent = await rawUpstream(t, () => undefined)
  const gateway = await websocketGateway(t, {
    upstream: `https://127.0.0.1:${silent.port}`,
    connectTimeoutMs: 50,
  })
  const answer = parse(await (await rawClient(t, gateway.port, handshake())).closed)
  t.strictSame([answer.status, gateway.refusals[0]?.detail], [504, 'connect'])
})

test('does not send anything to an https upstream whose certificate is not trusted', async (t) => {
  const ca = await makeCa('localhost')
  const names: (string | false | null)[] = []
  const server = createTlsServer({
    key: ca.privateKeyPem,
    cert: ca.pem,
    SNICallback: (name, done) => {
      names.push(name)
      done(null)
    },
  })
  let secured = 0
  server.on('secureConnection', () => (secured += 1))
  server.on('tlsClientError', () => undefined)
  const port = await listen(t, server)
  const gateway = await websocketGateway(t, { upstream: `https://localhost:${port}` })
  const answer = parse(await (await rawClient(t, gateway.port, handshake())).closed)
  t.strictSame([answer.status, answer.body], [502, 'upstream_unreachable'])
  t.equal(secured, 0)
  t.strictSame(names, ['localhost'], "not the client's Host")
})

test('gives up upstream when the client leaves, however it does', async (t) => {
  const upstream = await rawUpstream(t, () => undefined)
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const leave: ((socket: Socket) => unknown)[] = [
    (socket) => socket.end(),
    (socket) => socket.destroy(),
    (socket) => socket.resetAndDestroy(),
  ]
  for (const [at, how] of leave.entries()) {
    const client = await rawClient(t, gateway.port, handshake())
    await eventually(() => upstream.received[at]?.includes('\r\n\r\n') === true)
    how(client.socket)
    await eventually(() => upstream.sockets[at]?.destroyed === true)
  }
  t.strictSame(gateway.faults, [])
  t.equal(gateway.refusals.length, 0)
})

test('asks nothing for a client that left before the decision', async (t) => {
  const upstream = await rawUpstream(t, () => undefined)
  const gateway = await websocketGateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    admit: async (request) => {
      await new Promise((resolve) => request.socket.once('close', resolve))
      return allowedRequest()
    },
    mostWebsockets: 1,
  })
  for (let turn = 0; turn < 2; turn += 1) {
    const client = await rawClient(t, gateway.port, handshake())
    const request = new Promise((resolve) => gateway.server.once('upgrade', resolve))
    await request
    client.socket.resetAndDestroy()
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(upstream.sockets.length, 0)
})

test('refuses one websocket too many, and counts those that ended no more', async (t) => {
  const upstream = await websocketServer(t, () => undefined)
  const gateway = await websocketGateway(t, { upstream: upstream.url, mostWebsockets: 1 })
  const first = await websocketClient(t, gateway.port)
  const answer = parse(await (await rawClient(t, gateway.port, handshake())).closed)
  t.strictSame([answer.status, answer.body], [503, 'overloaded'])
  t.equal(upstream.sockets.size, 1)
  first.close()
  await closeOf(first)
  await eventually(() => gateway.ended.length === 1)
  await websocketClient(t, gateway.port)
})

test('completes the earlier answer, then refuses an upgrade that did not wait for it', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  const body = '~'.repeat(8_000_000)
  const gateway = await websocketGateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    onRequest: (request, response) => {
      if (request.url === '/now') response.end('now')
      else setTimeout(() => writeLong(response, body), 30)
    },
  })
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
  for (const earlier of [get('/now'), get('/late'), get('/late') + get('/now') + get('/late')]) {
    const client = await rawClient(t, gateway.port, earlier + handshake())
    const text = await client.closed
    t.match(text.slice(-400), /HTTP\/1\.1 400 Bad Request\r\n[^]*Connection: close\r\n\r\nupgrade_refused$/)
    const answers = earlier.split('GET').length - 1
    t.equal(text.split('HTTP/1.1 200').length - 1, answers)
    t.equal(text.split('~').length - 1, (earlier.split('/late').length - 1) * body.length)
  }
  t.equal(upstream.sockets.length, 0)
  t.ok(gateway.refusals.every(({ code, decided }) => code === 'upgrade_refused' && !decided))
  t.strictSame(gateway.faults, [])
})

test('switches after earlier answers on the same connection are complete', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const client = await rawClient(t, gateway.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.until(/plain$/)
  client.socket.write(handshake())
  await client.until(/ 101 Switching/)
})

test('survives clients that leave behind a pipelined upgrade', async (t) => {
  const gateway = await websocketGateway(t, {
    upstream: 'http://127.0.0.1:9',
    onRequest: (request, response) => {
      request.socket.once('close', () => response.end())
    },
  })
  const client = await rawClient(t, gateway.port, `GET / HTTP/1.1\r\nHost: x\r\n\r\n${handshake()}`)
  const request = new Promise((resolve) => gateway.server.once('upgrade', resolve))
  await request
  client.socket.resetAndDestroy()
  await gateway.forwarder.close(1_001, '')
  t.strictSame(gateway.faults, [])
})

test('ends the earlier request when its client leaves in order behind a pipelined upgrade', async (t) => {
  const gateway = await websocketGateway(t, {
    upstream: 'http://127.0.0.1:9',
    onRequest: () => undefined,
  })
  const left = new Promise<boolean>((resolve) => {
    gateway.server.once('request', (_request, response) => {
      response.once('close', () => resolve(response.writableFinished))
    })
  })
  const upgraded = new Promise((resolve) => gateway.server.once('upgrade', resolve))
  const client = await rawClient(t, gateway.port, `GET / HTTP/1.1\r\nHost: x\r\n\r\n${handshake()}`)
  await upgraded
  client.socket.end()
  t.equal(await left, false)
  t.equal(await client.closed, '')
})

test('answers a client for which deciding or refusing failed, or lets it go', async (t) => {
  const broken = () => Promise.reject(new Error('broken'))
  const undecided = await websocketGateway(t, { upstream: 'http://127.0.0.1:9', admit: broken })
  const answer = parse(await (await rawClient(t, undecided.port, handshake())).closed)
  t.strictSame([answer.status, answer.body, undecided.faults.length], [500, 'internal', 1])
  const mute = await websocketGateway(t, { upstream: 'http://127.0.0.1:9', admit: broken, refuse: broken })
  t.equal(await (await rawClient(t, mute.port, handshake())).closed, '')
  t.equal(mute.faults.length, 2)
})

test('survives resets at any moment of the handshake', async (t) => {
  const upstream = await rawUpstream(t, (socket, _head, index) => {
    if (index % 3 === 0) socket.resetAndDestroy()
    else socket.write(switching.slice(0, index % switching.length))
  })
  const gateway = await websocketGateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    answerTimeoutMs: 100,
  })
  const bytes = handshake()
  await Promise.all(
    Array.from({ length: 120 }, async (_, index) => {
      const socket = connect(gateway.port, '127.0.0.1')
      socket.on('error', () => undefined)
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.write(index % 2 === 0 ? bytes : bytes.slice(0, index))
      await new Promise((resolve) => setTimeout(resolve, index % 7))
      socket.resetAndDestroy()
    }),
  )
  await gateway.forwarder.close(1_001, '')
  t.strictSame(gateway.faults, [])
})

function writeLong(response: import('node:http').ServerResponse, body: string): void {
  let at = 0
  const more = () => {
    while (at < body.length) {
      const room = response.write(body.slice(at, at + 1_000_000))
      at += 1_000_000
      if (!room) {
        response.once('drain', more)
        return
      }
    }
    response.end()
  }
  more()
}
