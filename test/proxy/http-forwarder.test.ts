import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { gzipSync } from 'node:zlib'
import Fastify from 'fastify'
import { test } from 'tap'
import { registerForwarding } from '../../src/proxy/forward-route.js'
import { makeCa } from '../support/certificates.js'
import { owned, session } from './allowed.js'
import {
  allowedOf,
  ask,
  eventually,
  gateway,
  listen,
  makeForwarder,
  ok,
  parse,
  rawClient,
  rawUpstream,
} from './wire.js'

const written = 'X-Forwarded-Proto: https\r\nX-Forwarded-Host: chat.example.com\r\n'

test('sends the request byte for byte, with the credential and without what it drops', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(ok('hi')))
  const target = '/a%2Fb/./"{}^;x=1?q=%zz&access%5Ftoken=t&r=1'
  const { port } = await gateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    forwarding: { ...owned, session: session('secret') },
  })
  const headers = `x-CASE: 1\r\nX-Case: 2\r\nX-SSL-Client-Cert: ${'A'.repeat(1_300)}\r\nAuthorization: own\r\nTE: trailers\r\n`
  const answer = parse(await ask(t, port, `GET ${target}`, headers))
  t.equal(answer.status, 200)
  t.equal(answer.body, 'hi')
  t.equal(
    upstream.received[0],
    'GET /a%2Fb/./"{}^;x=1?q=%zz&r=1 HTTP/1.1\r\nhost: chat.example.com\r\nconnection: keep-alive\r\n' +
      `x-CASE: 1\r\nX-Case: 2\r\n${written}Authorization: Bearer secret\r\n\r\n`,
  )
})

test('passes cookies, gzip, ranges, unusual statuses and long headers of an answer unchanged', async (t) => {
  const gzipped = gzipSync(randomBytes(2_000)).toString('latin1')
  const long = 'a'.repeat(40_000)
  const answers = [
    ok(gzipped, 'Content-Encoding: gzip\r\nSet-Cookie: a=1\r\nSET-cookie: b=2; Path=/\r\n'),
    `HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab`,
    `HTTP/1.1 416 Nope\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n`,
    ok('', `X-Long: ${long}\r\n`),
    'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n\r\n',
  ]
  const upstream = await rawUpstream(t, (socket, _head, index) =>
    socket.write(answers[index] ?? '', 'latin1'),
  )
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const [cookies, range, unsatisfiable, longHeader, empty, hints] = [
    parse(await ask(t, port, 'GET /')),
    parse(await ask(t, port, 'GET /', 'Range: bytes=0-1\r\n')),
    parse(await ask(t, port, 'GET /')),
    parse(await ask(t, port, 'GET /')),
    parse(await ask(t, port, 'GET /')),
    parse(await ask(t, port, 'GET /')),
  ]
  t.equal(cookies.body, gzipped)
  t.strictSame(cookies.headers.slice(1, 4), [
    'Content-Encoding: gzip',
    'Set-Cookie: a=1',
    'SET-cookie: b=2; Path=/',
  ])
  t.strictSame([range.status, range.body], [206, 'ab'])
  t.ok(range.headers.includes('Content-Range: bytes 0-1/9'))
  t.match(upstream.received.join(''), /Range: bytes=0-1\r\n/)
  t.strictSame([unsatisfiable.status, unsatisfiable.body], [416, ''])
  t.ok(longHeader.headers.includes(`X-Long: ${long}`))
  t.strictSame([empty.status, empty.body], [204, ''])
  t.strictSame([hints.status, hints.body], [200, '2\r\nab\r\n0\r\n\r\n'])
  t.notMatch(hints.headers.join(), /Link|Trailer/)
})

test('answers HEAD, and 304 with a Content-Length, without a body and goes on', async (t) => {
  const upstream = await rawUpstream(t, (socket, head) => {
    if (head.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4200\r\n\r\n')
    else socket.write('HTTP/1.1 304 Not Modified\r\nETag: "e"\r\nContent-Length: 4200\r\n\r\n')
  })
  const { port, outcomes } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const requests =
    'HEAD /h HTTP/1.1\r\nHost: x\r\n\r\nGET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  const answers = (await (await rawClient(t, port, requests)).closed).split('\r\n\r\n')
  t.strictSame(
    answers.map((text) => text.slice(0, 12)),
    ['HTTP/1.1 200', 'HTTP/1.1 304', 'HTTP/1.1 304', ''],
  )
  for (const text of answers.slice(0, 3)) t.match(text, /Content-Length: 4200/)
  t.strictSame(
    outcomes.map(({ complete }) => complete),
    [true, true, true],
  )
})

test('sends a request once, whatever the answer says about trying again', async (t) => {
  const upstream = await rawUpstream(t, (socket) =>
    socket.write('HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nbusy'),
  )
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const answer = parse(await ask(t, port, 'GET /'))
  t.strictSame([answer.status, answer.body], [503, 'busy'])
  t.equal(upstream.received.join('').match(/GET/g)?.length, 1)
})

test('keeps its connection to Mattermost for the next request', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(ok('x')))
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  await ask(t, port, 'GET /1')
  await ask(t, port, 'POST /2', 'Content-Length: 0\r\n')
  t.equal(upstream.sockets.length, 1)
  t.match(upstream.received[0], /POST \/2[^]*content-length: 0/)
})

test('streams bodies of known and of unknown length, and answers Expect itself', async (t) => {
  const upstream = await rawUpstream(t, (socket) => setTimeout(() => socket.write(ok('got it')), 20))
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  t.equal(
    parse(await ask(t, port, 'POST /', 'Content-Type: text/plain\r\nContent-Length: 5\r\n', 'hello')).status,
    200,
  )
  t.match(upstream.received.join(''), /content-length: 5\r\n\r\nhello$/)
  const chunked = '3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n'
  t.equal(parse(await ask(t, port, 'PUT /', 'Transfer-Encoding: chunked\r\n', chunked)).status, 200)
  t.match(upstream.received.join(''), /PUT[^]*transfer-encoding: chunked\r\n[^]*abc[^]*de\r\n0\r\n\r\n$/)
  const client = await rawClient(
    t,
    port,
    'POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
  )
  await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  client.socket.write('abc')
  await client.until(/got it$/)
  t.match(upstream.received.join(''), /POST \/x[^]*abc$/)
  t.notMatch(upstream.received.join(''), /expect/i)
})

test('refuses a declared body that is too large before anything is sent, and stops a chunked one', async (t) => {
  const upstream = await rawUpstream(t, () => undefined)
  const { port, server, requests } = await gateway(t, {
    upstream: `http://127.0.0.1:${upstream.port}`,
    bodyBytes: 100_000,
  })
  server.keepAliveTimeout = 60_000
  const declared = await rawClient(t, port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n')
  t.equal(parse(await declared.until(/body_too_large$/)).status, 413)
  t.equal(upstream.sockets.length, 0)
  declared.socket.write('a'.repeat(100_001))
  await eventually(() => requests[0]?.complete === true)
  t.notOk(declared.socket.destroyed, 'the client that goes on sending is not reset')

  const chunk = `${(60_000).toString(16)}\r\n${'b'.repeat(60_000)}\r\n`
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
  const chunked = await rawClient(t, port, head + chunk + chunk)
  t.equal(parse(await chunked.until(/body_too_large$/)).status, 413)
  await eventually(() => upstream.sockets.every((socket) => socket.destroyed))
  t.notMatch(upstream.received.join(''), /\r\n0\r\n\r\n$/, 'upstream never saw its end')
  chunked.socket.write('0\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => upstream.received.join('').includes('GET /next'))
  const fits = await rawClient(
    t,
    port,
    `POST /fits HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n${'c'.repeat(100_000)}`,
  )
  await eventually(() => upstream.received.join('').includes('c'.repeat(100_000)))
  fits.socket.destroy()
})

test('says 502 when Mattermost refuses, resets or answers nonsense, and recovers by itself', async (t) => {
  const closed = await gateway(t, { upstream: 'http://127.0.0.1:1' })
  t.strictSame(parse(await ask(t, closed.port, 'GET /')).status, 502)
  const acts: ((socket: Socket) => unknown)[] = [
    (socket) => socket.resetAndDestroy(),
    (socket) => socket.end(),
    (socket) => socket.write('SSH-2.0-OpenSSH\r\n\r\n'),
    (socket) => socket.write(ok('', `X: ${'a'.repeat(70_000)}\r\n`)),
    (socket) => socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    (socket) => socket.write(ok('back')),
  ]
  const upstream = await rawUpstream(t, (socket, _head, index) => acts[index]?.(socket))
  const { port, outcomes } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  for (let at = 0; at < 5; at += 1) {
    const answer = parse(await ask(t, port, 'GET /'))
    t.strictSame([answer.status, answer.body], [502, 'upstream_unreachable'], String(at))
  }
  t.equal(parse(await ask(t, port, 'GET /')).body, 'back')
  t.equal(upstream.received.join('').match(/GET/g)?.length, 6, 'nothing was sent twice')
  t.strictSame(outcomes[0], { status: 502, bytes: 0, complete: true })
})

test('says 504 when the answer does not begin in time', async (t) => {
  const upstream = await rawUpstream(t, () => undefined)
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}`, answerTimeoutMs: 50 })
  const answer = parse(await ask(t, port, 'GET /'))
  t.strictSame([answer.status, answer.body], [504, 'upstream_timeout'])
})

test('cuts the connection when Mattermost dies in the middle of an answer', async (t) => {
  const upstream = await rawUpstream(t, (socket, head) => {
    const framing = head.includes('/chunked')
      ? 'Transfer-Encoding: chunked\r\n\r\n4\r\n'
      : 'Content-Length: 8\r\n\r\n'
    socket.write(`HTTP/1.1 200 OK\r\n${framing}half`, () => socket.destroy())
  })
  const { port, outcomes } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  for (const path of ['/length', '/chunked']) {
    const answer = await (await rawClient(t, port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)).closed
    t.notMatch(answer, /\r\n0\r\n\r\n$/, path)
    t.notMatch(answer, /502/, path)
  }
  t.strictSame(
    outcomes.map(({ complete }) => complete),
    [false, false],
  )
})

test('sends the head of an answer whose body is slow to come', async (t) => {
  const upstream = await rawUpstream(t, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n'),
  )
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const client = await rawClient(t, port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.until(/X-A: 1\r\n[^]*\r\n\r\n$/)
  upstream.sockets[0]?.write('ok')
  t.match(await client.until(/ok$/), /^HTTP\/1\.1 200/)
})

test('aborts the request upstream when the client leaves, before the answer, in it, in the body, or behind another', async (t) => {
  const upstream = await rawUpstream(t, (socket, head) => {
    if (head.includes('/body')) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome`)
    if (head.includes('/big')) socket.write(ok('x'.repeat(1_000_000)))
  })
  const { port, outcomes } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const arrived = (text: string) =>
    eventually(() => upstream.received.some((received) => received.includes(text)))
  const gone = (count: number) =>
    eventually(() => upstream.sockets.filter((socket) => socket.destroyed).length === count)
  const before = await rawClient(t, port, 'GET /silent HTTP/1.1\r\nHost: x\r\n\r\n')
  await arrived('/silent')
  before.socket.destroy()
  await gone(1)
  const within = await rawClient(t, port, 'GET /body HTTP/1.1\r\nHost: x\r\n\r\n')
  await within.until(/some$/)
  within.socket.destroy()
  await gone(2)
  const sending = await rawClient(
    t,
    port,
    'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\npart',
  )
  await arrived('/upload')
  sending.socket.destroy()
  await gone(3)
  const behind = await rawClient(
    t,
    port,
    'GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n',
  )
  await arrived('/first')
  await arrived('/big')
  behind.socket.destroy()
  await gone(5)
  await eventually(() => outcomes.length === 5)
  t.notOk(outcomes.some(({ complete }) => complete))
})

test('an answer that comes before the body was read reaches the client, and its connection lives on', async (t) => {
  const upstream = await rawUpstream(t, (socket) =>
    socket.write('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'),
  )
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n'
  const client = await rawClient(t, port, head + 'a'.repeat(1_000_000))
  t.match(await client.until(/no$/), /^HTTP\/1\.1 403/)
  client.socket.write('b'.repeat(2_000_000))
  client.socket.write('GET /next HTTP/1.1\r\nHost: x\r\n\r\n')
  await client.until(/no[^]*no$/)
  t.notOk(client.socket.destroyed)
})

test('holds Mattermost back when the client reads slowly, and the client when Mattermost does', async (t) => {
  const size = 64 * 1_048_576
  let sent = 0
  const upstream = await rawUpstream(t, (socket, head) => {
    if (head.startsWith('POST')) {
      socket.pause()
      return
    }
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    const piece = Buffer.alloc(1_048_576, 'x')
    const more = (): void => {
      while (sent < size) {
        sent += piece.length
        if (!socket.write(piece)) {
          socket.once('drain', more)
          return
        }
      }
    }
    more()
  })
  const { port, requests } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const stands = async (progress: () => number): Promise<number> => {
    for (let before = -1; ; ) {
      await new Promise((resolve) => setTimeout(resolve, 150))
      if (progress() === before) return before
      before = progress()
    }
  }
  const reader = await rawClient(t, port, '')
  reader.socket.pause()
  reader.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await eventually(() => sent > 0)
  t.ok((await stands(() => sent)) < size / 2, 'the answer waits upstream')
  reader.socket.resume()
  const answer = await reader.closed
  t.equal(answer.length - answer.indexOf('\r\n\r\n') - 4, size)

  const writer = await rawClient(t, port, `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`)
  writer.socket.write(Buffer.alloc(size, 'y'))
  await eventually(() => upstream.received.join('').includes('POST'))
  const taken = () => requests[1]?.socket.bytesRead ?? 0
  t.ok((await stands(taken)) < size / 2, 'the body waits at the client')
})

test('cuts off a client that stops sending or reading, and waits for one that is slow or is waiting itself', async (t) => {
  const upstream = await rawUpstream(t, (socket, head) => {
    if (head.startsWith('GET /large'))
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n${'x'.repeat(9_000_000)}`)
    if (head.startsWith('GET /later')) setTimeout(() => socket.write(ok('late')), 400)
  })
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}`, clientIdleMs: 100 })
  const post = 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n'
  const stopped = await rawClient(t, port, `${post}abc`)
  const slow = await rawClient(t, port, post)
  const pace = setInterval(() => slow.socket.write('y'), 20)
  const waiting = await rawClient(t, port, 'GET /later HTTP/1.1\r\nHost: x\r\n\r\n')
  const deaf = await rawClient(t, port, '')
  deaf.socket.pause()
  deaf.socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  t.equal(await stopped.closed, '')
  t.match(await waiting.until(/late$/), /200 OK/)
  t.equal(slow.socket.destroyed, false, 'each byte counts')
  clearInterval(pace)
  await slow.closed
  const busy = () => upstream.sockets.filter(({ destroyed }) => !destroyed).length
  await eventually(() => busy() <= 1)
  t.equal(busy(), 1, 'none of them holds a connection to Mattermost; the kept one waits for a next request')
})

test('nobody takes all connections to Mattermost: who wants more waits, a while, and others are served', async (t) => {
  const upstream = await rawUpstream(t, (socket, head) => {
    if (head.startsWith('GET /quick')) socket.write(ok('quick'))
  })
  const slots = { most: 4, mostForOne: 2, mostWaiting: 2, waitMs: 150 }
  const { port } = await gateway(t, {
    ...{ upstream: `http://127.0.0.1:${upstream.port}`, slots },
    allowed: (request, made) => ({
      ...made,
      request: { ...made.request, clientIp: String(request.headers['x-who'] ?? 'somebody') },
    }),
  })
  const hold = (who: string) => rawClient(t, port, `GET /held HTTP/1.1\r\nHost: x\r\nX-Who: ${who}\r\n\r\n`)
  const quick = async (who: string) => parse(await ask(t, port, 'GET /quick', `X-Who: ${who}\r\n`))
  const greedy = [await hold('greedy'), await hold('greedy')]
  await eventually(() => upstream.received.filter((text) => text.includes('/held')).length === 2)
  t.equal((await quick('modest')).status, 200, 'others have theirs')
  const late = await quick('greedy')
  t.strictSame([late.status, late.body], [503, 'overloaded'], 'his third has waited in vain')
  const waiting = quick('greedy')
  greedy[0]?.socket.destroy()
  t.equal((await waiting).status, 200, 'one that is given back goes to whoever waits')
  const crowd = await Promise.all([hold('greedy'), hold('a'), hold('a'), hold('b')])
  await eventually(() => upstream.sockets.filter(({ destroyed }) => !destroyed).length >= 4)
  const answers = await Promise.all([quick('c'), quick('d'), quick('e')])
  t.ok(answers.every(({ status }) => status === 503))
  for (const client of crowd) client.socket.destroy()
  await eventually(() => upstream.sockets.filter(({ destroyed }) => !destroyed).length <= 2)
  t.equal((await quick('c')).status, 200)
})

test('does not send anything to an https upstream whose certificate is not trusted', async (t) => {
  const ca = await makeCa('localhost')
  let secured = 0
  const server = createTlsServer({ key: ca.privateKeyPem, cert: ca.pem }, () => (secured += 1))
  server.on('tlsClientError', () => undefined)
  const port = await listen(t, server)
  const front = await gateway(t, { upstream: `https://localhost:${port}` })
  const answer = parse(await ask(t, front.port, 'GET /'))
  t.strictSame([answer.status, answer.body], [502, 'upstream_unreachable'])
  t.equal(secured, 0)
})

test('speaks HTTP/1.0 to a client that does', async (t) => {
  const upstream = await rawUpstream(t, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'),
  )
  const { port } = await gateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const answer = parse(await (await rawClient(t, port, 'GET / HTTP/1.0\r\nHost: x\r\n\r\n')).closed)
  t.equal(answer.body, 'ab')
  t.notMatch(answer.headers.join(), /chunked/i)
})

test('through Fastify every method and any Content-Type reaches Mattermost, the body unread', async (t) => {
  const upstream = await rawUpstream(t, (socket) => setTimeout(() => socket.write(ok('x')), 5))
  const url = `http://127.0.0.1:${upstream.port}`
  const forwarder = makeForwarder({ upstream: url })
  const app = Fastify({ bodyLimit: 10 })
  await registerForwarding(app, { upstream: url, forwarder, decisionOf: (request) => allowedOf(request.raw) })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    await app.close()
    await forwarder.close()
  })
  const [address] = app.addresses()
  const port = address === undefined || typeof address === 'string' ? 0 : address.port
  for (const method of [
    'GET',
    'HEAD',
    'OPTIONS',
    'DELETE',
    'PROPFIND',
    'REPORT',
    'PURGE',
    'M-SEARCH',
    'QUERY',
  ]) {
    t.equal(parse(await ask(t, port, `${method} /${method}`)).status, 200, method)
    t.match(upstream.received.join(''), new RegExp(`${method} /${method} HTTP`))
  }
  for (const type of ['application/json', 'text/plain', 'not a type', 'multipart/form-data; boundary=x']) {
    const body = `{"not json: ${type}`
    const headers = `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`
    t.equal(parse(await ask(t, port, 'POST /x', headers, body)).status, 200, type)
    t.ok(upstream.received.join('').endsWith(body), type)
  }
  for (const path of [
    '/%c3%bf',
    '/a//b',
    '/a/..%2fb',
    '/%252e%252e/x',
    '/x?__proto__=1&a[]=2&b=%zz',
    '/;a',
  ]) {
    t.equal(parse(await ask(t, port, `GET ${path}`)).status, 200, path)
    t.ok(upstream.received.join('').includes(`GET ${path} HTTP`), path)
  }
  t.equal(parse(await ask(t, port, 'TRACE /')).status, 404)
})
