// What reaches the listener as bytes: requests that never become one, odd upgrades, pipelining, draining.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'tap'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.js'
import { escaped, publicUrl, type Running, startRunning } from '../support/running-gateway.js'

/** Sends bytes and gives back everything that came until the gateway closed the connection. */
async function exchange(running: Running, bytes: string): Promise<string> {
  const socket = connect(running.gateway.address)
  socket.write(bytes, 'latin1')
  return untilClosed(socket)
}

async function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  // A connection that is cut off may end in a reset, which is an end like another here.
  socket.on('error', () => undefined)
  await new Promise((closed) => socket.once('close', closed))
  return Buffer.concat(chunks).toString('latin1')
}

function head(running: Running, lines: readonly string[] = [], request = 'GET /api/v4/users/me'): string {
  const certificate = `X-SSL-Client-Cert: ${escaped(running.mmuser)}`
  return `${[`${request} HTTP/1.1`, 'Host: chat.example.com', certificate, ...lines].join('\r\n')}\r\n\r\n`
}

function websocket(
  running: Running,
  path = '/api/v4/websocket',
  headers: Record<string, string> = {},
): WebSocket {
  return new WebSocket(`ws+unix:${running.gateway.address}:${path}`, {
    headers: {
      Host: 'chat.example.com',
      Origin: publicUrl,
      'X-SSL-Client-Cert': escaped(running.mmuser),
      ...headers,
    },
  })
}

test('what the strict parser refuses is 400, forwarded nowhere, and stands in the audit', async (t) => {
  const running = await startRunning(t)
  const lengths = ['Content-Length: 5', 'Transfer-Encoding: chunked']
  const cases: Record<string, string> = {
    'CL and TE': `${head(running, lengths, 'POST /api/v4/posts')}0\r\n\r\n`,
    'two lengths': `${head(running, ['Content-Length: 5', 'Content-Length: 6'], 'POST /x')}hello`,
    'an odd encoding': head(running, ['Transfer-Encoding: xchunked'], 'POST /x'),
    'a bare CR': head(running, ['X-A: a\rb']),
    'a folded line': head(running, ['X-A: a', ' b']),
    'a bare LF': head(running, ['X-A: a\nX-B: b']),
    'a blank before the colon': head(running, ['X-A : a']),
  }
  for (const [name, bytes] of Object.entries(cases)) {
    const answer = await exchange(running, bytes)
    t.match(answer, /^HTTP\/1\.1 400 /, name)
    const event = (await running.audit()).at(-1)
    t.match(event, { event: 'refuse', reason: 'request_ambiguous', peer: 'unix' }, name)
  }
  const forwarded = running.standin.requests.map(({ target }) => target)
  t.strictSame(forwarded, ['/api/v4/config/client?format=old'], 'what the gateway asks at start')
})

test('what Node would answer by itself passes the gate all the same', async (t) => {
  const running = await startRunning(t)
  const cases: [name: string, bytes: string, status: number, reason: string][] = [
    ['a bad escape', head(running, ['Connection: close'], 'GET /%zz'), 400, 'request_ambiguous'],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'request_ambiguous'],
    ['a second Host', head(running, ['Host: b', 'Connection: close']), 400, 'request_ambiguous'],
    ['absolute form', head(running, ['Connection: close'], 'GET http://x/y'), 400, 'request_ambiguous'],
    ['TRACE', head(running, ['Connection: close'], 'TRACE /'), 405, 'method_refused'],
    ['CONNECT', head(running, [], 'CONNECT x:443'), 405, 'method_refused'],
    ['a method nobody knows', head(running, [], 'BREW /'), 405, 'method_refused'],
    ['no request at all', 'hello\r\n\r\n', 405, 'method_refused'],
    ['a header too large', head(running, [`X-A: ${'a'.repeat(70_000)}`]), 431, 'header_too_large'],
    ['h2c', head(running, ['Upgrade: h2c', 'Connection: Upgrade'], 'POST /'), 400, 'upgrade_refused'],
    ['an upgrade elsewhere', upgradeHead(running, '/x'), 400, 'upgrade_refused'],
  ]
  for (const [name, bytes, status, reason] of cases) {
    const answer = await exchange(running, bytes)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), name)
    t.match((await running.audit()).at(-1), { event: 'refuse', reason }, name)
  }
})

function upgradeHead(running: Running, path: string): string {
  const lines = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13']
  return head(
    running,
    [...lines, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', `Origin: ${publicUrl}`],
    `GET ${path}`,
  )
}

test('an unknown Expect is nobody’s business, and 100-continue comes only to who is let in', async (t) => {
  const running = await startRunning(t)
  const odd = await exchange(running, head(running, ['Expect: something', 'Connection: close']))
  t.match(odd, /^HTTP\/1\.1 200 /)
  const lines = ['Expect: 100-continue', 'Content-Length: 2', 'Connection: close']
  const body = JSON.stringify({ channel_id: running.standin.channelId, message: 'x' })
  const withBody = ['Expect: 100-continue', `Content-Length: ${body.length}`, 'Connection: close']
  const socket = connect(running.gateway.address)
  socket.write(head(running, withBody, 'POST /api/v4/posts'))
  await once(socket, 'data').then(([chunk]) => t.match(String(chunk), /^HTTP\/1\.1 100 Continue/))
  socket.write(body)
  t.match(await untilClosed(socket), /HTTP\/1\.1 201 /)
  const refused = connect(running.gateway.address)
  refused.write(`POST /api/v4/posts HTTP/1.1\r\nHost: x\r\n${lines.join('\r\n')}\r\n\r\n`)
  t.match(await untilClosed(refused), /^HTTP\/1\.1 401 /)
})

test('the guide’s own snippet in strict mode: answer and log name the one word to change', async (t) => {
  const running = await startRunning(t)
  const multiline = running.mmuser.pem.trim().replaceAll('\n', '\n\t')
  const answer = await exchange(
    running,
    `GET / HTTP/1.1\r\nHost: chat.example.com\r\nX-SSL-Client-Cert: ${multiline}\r\n\r\n`,
  )
  t.match(answer, /^HTTP\/1\.1 400 /)
  t.match(answer, 'certificate_malformed')
  t.match(answer, '$ssl_client_escaped_cert')
  t.match((await running.audit()).at(-1), { reason: 'certificate_malformed' })
})

test('with multilineHeader the very bytes are a signed-in request', async (t) => {
  const running = await startRunning(t, { yaml: { listen: '{ socket: http.sock, multilineHeader: true }' } })
  const multiline = running.mmuser.pem.trim().replaceAll('\n', '\n\t')
  const request = `GET /api/v4/users/me HTTP/1.1\r\nHost: chat.example.com\r\nX-SSL-Client-Cert: ${multiline}\r\n`
  const twice = await exchange(running, `${request}\r\n${request}Connection: close\r\n\r\n`)
  t.equal(twice.match(/HTTP\/1\.1 200 /g)?.length, 2)
  t.equal(twice.match(/"username":"mmuser"/g)?.length, 2)
  const folded = await exchange(running, `${request}X-A: a\r\n b\r\n\r\n`)
  t.match(folded, /^HTTP\/1\.1 400 /)
})

test('Proxy-Connection is read as Node reads it: no upgrade slips by as an ordinary request', async (t) => {
  for (const multilineHeader of [false, true]) {
    const listen = `{ socket: http.sock, multilineHeader: ${multilineHeader} }`
    const running = await startRunning(t, { yaml: { listen } })
    for (const protocol of ['h2c', 'websocket']) {
      const lines = [`Upgrade: ${protocol}`, 'Proxy-Connection: Upgrade']
      const answer = await exchange(
        running,
        `${head(running, lines, 'POST /x')}GET /smuggled HTTP/1.1\r\n\r\n`,
      )
      t.match(answer, /^HTTP\/1\.1 400 /, `${protocol} ${listen}`)
      t.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
    }
    const targets = running.standin.requests.map(({ target }) => target)
    t.notOk(targets.some((target) => target === '/x' || target === '/smuggled'))
  }
})

test('a websocket of a certificate’s user is signed in, and its audit record says how long it lived', async (t) => {
  const running = await startRunning(t)
  const client = websocket(running)
  const [message] = (await once(client, 'message')) as [Buffer]
  t.match(JSON.parse(message.toString()), { event: 'hello', seq: 0 })
  client.send(JSON.stringify({ seq: 1, action: 'ping' }))
  const [answer] = (await once(client, 'message')) as [Buffer]
  t.match(JSON.parse(answer.toString()), { seq_reply: 1 })
  client.close(1000)
  await once(client, 'close')
  const end = await eventually(
    async () => (await running.audit()).find(({ event }) => event === 'websocket_end'),
    (event) => event !== undefined,
  )
  t.match(end, {
    user: { username: 'mmuser' },
    websocket: { code: 1000, durationMs: Number, bytesIn: Number, bytesOut: Number },
  })
})

test('a websocket of another origin, or without a certificate, is refused before Mattermost hears of it', async (t) => {
  const running = await startRunning(t)
  await running.send()
  running.standin.requests.length = 0
  const statusOf = async (headers: Record<string, string>) => {
    const [, response] = (await once(
      websocket(running, '/api/v4/websocket', headers),
      'unexpected-response',
    )) as [unknown, { statusCode: number; destroy(): void }]
    response.destroy()
    return response.statusCode
  }
  t.equal(await statusOf({ Origin: 'https://evil.example' }), 403)
  t.equal(await statusOf({ Origin: 'null' }), 403)
  t.equal(await statusOf({ 'X-SSL-Client-Cert': '' }), 401)
  t.strictSame(running.standin.requests, [])
})

test('a plugin’s websocket passes, with the user that Mattermost knows', async (t) => {
  const running = await startRunning(t)
  const client = websocket(running, '/plugins/echo/ws')
  await once(client, 'open')
  client.send('hello')
  const [message] = (await once(client, 'message')) as [Buffer]
  t.equal(message.toString(), 'hello')
  client.terminate()
})

test('an upgrade behind an unanswered request kills nothing: the answer is completed, then 400 and close', async (t) => {
  const running = await startRunning(t)
  await running.send()
  const held = running.standin.holdNext('/api/v4/users/me')
  const socket = connect(running.gateway.address)
  socket.write(head(running) + upgradeHead(running, '/api/v4/websocket'))
  await held.arrived
  held.release()
  const answers = await untilClosed(socket)
  t.match(answers, /^HTTP\/1\.1 200 /)
  t.match(answers, /"username":"mmuser"/)
  t.match(answers, /HTTP\/1\.1 400 [^]*upgrade_refused/)
  t.equal((await running.send()).status, 200, 'and the gateway lives')
})

test('an open websocket ends when its certificate expires', async (t) => {
  let now = Date.now()
  const running = await startRunning(t, { clock: { now: () => now } })
  const certificate = await running.user({ notAfter: new Date(Math.floor(now / 1000) * 1000 + 60_000) })
  const other = websocket(running)
  const client = websocket(running, '/api/v4/websocket', { 'X-SSL-Client-Cert': escaped(certificate) })
  await Promise.all([once(client, 'message'), once(other, 'message')])
  now = certificate.notAfter.getTime() + 1
  const [code] = (await once(client, 'close')) as [number]
  t.equal(code, 4401)
  t.equal(other.readyState, WebSocket.OPEN, 'and no other one does')
  other.terminate()
})

test('an open websocket ends when its account is found deactivated', async (t) => {
  const mattermost = '{ url: "MATTERMOST", admin: { tokenFile: admin-token }, directoryCache: 1s }'
  const running = await startRunning(t, { yaml: { mattermost } })
  const client = websocket(running)
  await once(client, 'message')
  running.standin.deactivate('mmuser')
  const [code] = (await once(client, 'close')) as [number]
  t.equal(code, 4403)
})

test('at the end running requests are answered, websockets get 1001, and the audit says stop', async (t) => {
  const running = await startRunning(t)
  await running.send()
  const client = websocket(running)
  await once(client, 'message')
  const held = running.standin.holdNext('/api/v4/users/me')
  const answer = running.send()
  await held.arrived
  const closed = once(client, 'close') as Promise<[number]>
  const stopping = running.restart()
  t.equal((await closed)[0], 1001)
  held.release()
  t.equal((await answer).status, 200)
  await stopping
  const events = (await running.audit()).map(({ event }) => event)
  t.strictSame(events.slice(-2), ['stop', 'start'])
})

test('requests piled up on one connection end it; those of others are served', async (t) => {
  const running = await startRunning(t)
  const held = running.standin.holdNext('/plugins/echo/slow')
  const pile = head(running, [], 'GET /plugins/echo/slow').repeat(100)
  const socket = connect(running.gateway.address)
  socket.write(pile, 'latin1')
  await untilClosed(socket)
  t.equal((await running.send()).status, 200)
  held.release()
  const refused = (await running.audit()).filter(({ reason }) => reason === 'overloaded')
  t.equal(refused.length, 1, 'and it is told once')
  const reached = running.standin.requests.filter(({ target }) => target === '/plugins/echo/slow')
  t.ok(reached.length <= 33, 'what is too much goes nowhere')
  const few = await exchange(running, `${head(running).repeat(7)}${head(running, ['Connection: close'])}`)
  t.equal(few.match(/HTTP\/1\.1 200/g)?.length, 8, 'a few are answered in order')
})

test('with audit.requests all an allowed request without a certificate has its event, too', async (t) => {
  const running = await startRunning(t)
  await running.send({ certificate: null, path: '/hooks/x' })
  t.match((await running.audit()).at(-1), {
    event: 'request',
    decision: 'allow',
    path: '/hooks/x',
    peer: 'unix',
  })
})
