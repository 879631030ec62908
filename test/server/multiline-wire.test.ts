import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { type MendedSocket, mendSocket } from '../../src/server/mend-socket.js'
import {
  chunked,
  escaped,
  lengthy,
  multiline,
  options,
  refused,
  withCertificate,
} from './multiline-vectors.js'

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: readonly string[]
  readonly upgrade: boolean
  body: string
}

/** A strict server that records what it understood, with or without menders on its connections. */
async function strictServer(t: Test, mend: boolean, timeouts: http.ServerOptions = {}) {
  const record: { seen: Seen[]; mended: MendedSocket | null } = { seen: [], mended: null }
  const note = ({ method, url, rawHeaders }: http.IncomingMessage, upgrade: boolean): Seen => {
    const seen = { method, url, headers: rawHeaders, upgrade, body: '' }
    record.seen.push(seen)
    return seen
  }
  const server = http.createServer(
    { maxHeaderSize: options.maxHeaderBytes, ...timeouts },
    (request, response) => {
      const seen = note(request, false)
      request.setEncoding('latin1')
      request.on('data', (piece: string) => (seen.body += piece))
      request.on('end', () => response.end('\n'))
    },
  )
  server.maxHeadersCount = 0
  const bySocket = new WeakMap<object, MendedSocket>()
  if (mend) {
    server.on('connection', (socket) => {
      record.mended = mendSocket(socket, options)
      bySocket.set(socket, record.mended)
    })
  }
  server.on('upgrade', (request, socket, head) => {
    note(request, true)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    bySocket.get(socket)?.passEverything()
    socket.write(head)
    socket.pipe(socket)
    socket.on('error', () => socket.destroy())
  })
  server.on('connect', (request, socket) => {
    note(request, true)
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, record }
}

/** Sends the parts, one write each, closes that side and returns all that came back. */
async function exchange(port: number, parts: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  let answer = ''
  socket.setEncoding('latin1').on('data', (piece: string) => (answer += piece))
  socket.on('error', () => socket.destroy())
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await once(socket, 'connect')
  for (const part of parts) {
    socket.write(part, 'latin1')
    if (parts.length > 1) await new Promise((resolve) => setImmediate(resolve))
  }
  socket.end()
  await closed
  return answer
}

const statuses = (answer: string) =>
  [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))

function certificateOf({ headers }: Seen): string | undefined {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'x-ssl-client-cert')
  return at === -1 ? undefined : headers[at + 1]
}

test("Node's strict parser answers 400 or 431 to all that the mender refuses, and no handler runs", async (t) => {
  const { port, record } = await strictServer(t, true)
  for (const [name, [request, loss]] of Object.entries(refused)) {
    const status = loss === 'header_too_large' ? 431 : 400
    // A handler may run on the head of a request whose body turns out wrong.
    const handled = loss === 'chunk' || loss === 'trailer' ? 1 : 0
    const middle = Math.floor(request.length / 2)
    for (const parts of [[request], [request.slice(0, middle), request.slice(middle)]]) {
      t.equal(statuses(await exchange(port, parts)).at(-1), status, name)
      t.equal(record.seen.splice(0).length, handled, name)
    }
    await exchange(port, [withCertificate(multiline) + request + withCertificate(multiline)])
    t.equal(record.seen.splice(0).length, 1 + handled, `${name}, pipelined`)
  }
})

test('a server sees the escaped certificate on each request of a connection, in any pieces', async (t) => {
  const { port, record } = await strictServer(t, true)
  const requests = [
    withCertificate(multiline),
    chunked(multiline),
    lengthy(multiline),
    withCertificate(escaped),
  ]
  const text = requests.join('')
  for (const size of [1, 7, 100, text.length]) {
    const parts = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    t.same(statuses(await exchange(port, parts)), [200, 200, 200, 200], `pieces of ${size}`)
    const seen = record.seen.splice(0)
    t.same(seen.map(certificateOf), [escaped, escaped, escaped, escaped])
    t.equal(seen[1]?.body, 'X-SSL-Clieab\r\n\0')
    t.equal(seen[2]?.body, `X-SSL-Client-Cert: ${multiline}\r\n\r\n`)
  }
})

test('an upgraded connection gets its bytes whole, those sent too early as well', async (t) => {
  const { port } = await strictServer(t, true)
  const upgrade = withCertificate(multiline, 'Connection: Upgrade\r\nUpgrade: echo\r\n')
  const tunnelled = `\x81\0\n\t${withCertificate(multiline)}${'x'.repeat(100_000)}`
  for (const parts of [[upgrade + tunnelled], [upgrade, tunnelled], [...Array.from(upgrade), tunnelled]]) {
    const answer = await exchange(port, parts)
    t.equal(answer.slice(0, 12), 'HTTP/1.1 101')
    t.ok(answer.endsWith(tunnelled))
  }
})

test('a head that does not come to its end is answered 408', async (t) => {
  const { port } = await strictServer(t, true, { headersTimeout: 50, connectionsCheckingInterval: 20 })
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (piece: string) => (answer += piece))
  socket.write(withCertificate(escaped))
  await once(socket, 'data')
  socket.write('GET / HTTP/1.1\r\nX-SSL-Client-Cert: -----BEGIN CERT')
  await once(socket, 'close')
  t.same(statuses(answer), [200, 408])
})

/** Streams of requests that are mostly right, with what is hard to frame strewn in. */
function requestStreams(): fc.Arbitrary<string> {
  const mostly = (usual: readonly string[], odd: readonly string[]) =>
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...usual) },
      { weight: 1, arbitrary: fc.constantFrom(...odd) },
    )
  const lines = mostly(
    ['GET / HTTP/1.1', 'POST /p HTTP/1.1', 'HEAD / HTTP/1.1'],
    [
      'PUT /\xff HTTP/1.0',
      'CONNECT a:1 HTTP/1.1',
      '\r\nGET / HTTP/1.1',
      '\nGET / HTTP/1.1',
      'GET /',
      'G\0T / HTTP/1.1',
    ],
  )
  const headers = mostly(
    [
      'X: y',
      'X:',
      'Connection: keep-alive',
      'Connection: x',
      `X-SSL-Client-Cert: ${escaped}`,
      'Upgrade: echo',
    ],
    `Content-Length: 5|content-length:0|Content-Length: 0x5|Content-Length: 05|Content-Length :5|Content-Length: 5,5
      |Transfer-Encoding: chunked|Transfer-Encoding: identity|Transfer-Encoding: gzip, chunked|Transfer-Encoding:
      |Transfer_Encoding: chunked|Transfer-Encoding : chunked|Transfer-Encoding: chunked;a|Connection: upgradex
      |Connection: close|Connection: x upgrade|Connection: x,upgrade|Connection: upgrade\t|Connection: ,UPGRADE ,
      |Upgrade:|Expect: 100-continue|\tfolded|X: a\rb|X: a\nb|X|: y|X\0: y|X: \x7f|\rX: y`.split(/\n? *\|/),
  )
  const chunks = mostly(
    [
      '5\r\nhello\r\n0\r\n\r\n',
      '1;a="b"\r\nx\r\n0\r\nT: u\r\n\r\n',
      '05\r\nhello\r\n00\r\n\r\n',
      '0;x\r\n\r\n',
    ],
    [
      ...[
        '5\nhello\r\n0\r\n\r\n',
        '5\r\nhello0\r\n\r\n',
        '0x0\r\n\r\n',
        '5 \r\nhello\r\n0\r\n\r\n',
        '0\r\n',
        ';\r\n',
      ],
      ...[
        '0\r\nContent-Length: 5\r\n\r\nhello',
        '0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        '0\r\n X: y\r\n\r\n',
      ],
      ...[
        '5;a\rb\r\nhello\r\n0\r\n\r\n',
        '5;a="\r\n"\r\nhello\r\n0\r\n\r\n',
        'FFFFFFFFFFFFFFFFF\r\n',
        '\r\n',
        '-1\r\n',
      ],
    ],
  )
  const bodies = fc.oneof(
    fc.constant(['', ''] as const),
    fc
      .constantFrom('Content-Length: 5\r\n', 'Content-Length: 5 \r\n')
      .map((header) => [header, 'hello'] as const),
    fc.tuple(fc.constantFrom('Transfer-Encoding: chunked\r\n', 'TRANSFER-encoding: \tCHUNKED\t\r\n'), chunks),
  )
  const ends = mostly(['\r\n'], ['\n', '\r', '\r\n\r\n', ''])
  const request = fc
    .tuple(lines, fc.array(headers, { maxLength: 3 }), bodies, ends)
    .map(
      ([line, extra, [framing, body], end]) => [line, 'Host: a', ...extra, framing + end].join('\r\n') + body,
    )
  return fc.array(request, { minLength: 1, maxLength: 4 }).map((requests) => requests.join(''))
}

/** A body that an error cut off shows only as far as it got. */
function alike(one: Seen, other: Seen | undefined): boolean {
  if (other === undefined) return false
  const { body, ...head } = one
  const { body: otherBody, ...otherHead } = other
  const sameBody = body.startsWith(otherBody) || otherBody.startsWith(body)
  return sameBody && JSON.stringify(head) === JSON.stringify(otherHead)
}

test('behind a mender the parser understands what it understands alone, or refuses earlier', async (t) => {
  const mended = await strictServer(t, true)
  const alone = await strictServer(t, false)
  const counted = { streams: 0, requests: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(requestStreams(), async (text) => {
      await Promise.all([exchange(mended.port, [text]), exchange(alone.port, [text])])
      const [some, all] = [mended.record.seen.splice(0), alone.record.seen.splice(0)]
      const lost = mended.record.mended?.loss !== null
      counted.streams += 1
      counted.requests += some.length
      counted.refused += lost ? 1 : 0
      return some.every((seen, index) => alike(seen, all[index])) && (lost || some.length === all.length)
    }),
    { numRuns: Number(process.env.MENDER_RUNS ?? 500) },
  )
  t.ok(counted.requests > counted.streams / 2, 'many requests came through')
  t.ok(counted.refused > counted.streams / 10, 'many streams were refused')
})

/** The guide's snippet, beside nginx's own escaped form of the same certificate. */
const site = (folder: string, port: number, upstream: number) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  upstream gateway { server 127.0.0.1:${upstream}; keepalive 2; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${folder}/ca.crt;
    ssl_certificate_key ${folder}/ca.key;
    ssl_client_certificate ${folder}/ca.crt;
    ssl_verify_client optional;
    location / {
      proxy_pass http://gateway;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $http_connection;
      proxy_set_header X-SSL-Client-Cert $ssl_client_cert;
      proxy_set_header X-SSL-Client-Cert-Subject-DN $ssl_client_s_dn;
      proxy_set_header X-Escaped $ssl_client_escaped_cert;
    }
  }
}
`

function makeCertificates(folder: string): void {
  const openssl = (line: string) => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' })
  openssl(
    'req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=example.mattermost.com -keyout ca.key -out ca.crt',
  )
  openssl('req -newkey rsa:2048 -nodes -subj /CN=mmuser -keyout user.key -out user.csr')
  openssl('x509 -req -days 30 -in user.csr -CA ca.crt -CAkey ca.key -set_serial 01 -out user.crt')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A real nginx with the guide's snippet in front of the upstream; its port and a request's options. */
async function startNginx(t: Test, upstream: number) {
  const folder = mkdtempSync(join(tmpdir(), 'mattergate-nginx-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  makeCertificates(folder)
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), site(folder, port, upstream))
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`
  const nginx = spawn(
    'nginx',
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
    {
      stdio: 'ignore',
      env: { ...process.env, PATH: path },
    },
  )
  const failed = new Promise<never>((_resolve, reject) => {
    nginx.once('error', (error) => {
      reject(new Error(`nginx does not start (${error.message}): apt-get install nginx`, { cause: error }))
    })
    nginx.once('exit', (code) => {
      reject(
        new Error(`nginx ended with ${String(code)}: ${readFileSync(join(folder, 'error.log'), 'utf8')}`),
      )
    })
  })
  failed.catch(() => null)
  t.teardown(async () => {
    if (nginx.exitCode !== null || nginx.pid === undefined) return
    nginx.kill('SIGQUIT')
    await once(nginx, 'exit')
  })
  await Promise.race([failed, answers(port)])
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const read = (name: string) => readFileSync(join(folder, name))
  return {
    host: '127.0.0.1',
    port,
    agent,
    rejectUnauthorized: false,
    key: read('user.key'),
    cert: read('user.crt'),
  }
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
    await delay(10)
  }
}

async function send(
  requestOptions: https.RequestOptions,
  body: string | null,
): Promise<http.IncomingMessage> {
  const request = https.request(requestOptions)
  const answered = Promise.race([once(request, 'response'), once(request, 'upgrade')])
  request.end(body ?? undefined)
  const [response] = (await answered) as [http.IncomingMessage]
  return response
}

test("the guide's own snippet works behind a real nginx, on requests of every kind", async (t) => {
  const { port, record } = await strictServer(t, true)
  const client = await startNginx(t, port)
  const upload = `X-SSL-Client-Cert: ${multiline}\r\n\r\n`.repeat(2_000)
  const requests: [https.RequestOptions, string | null][] = [
    [{ path: '/x?y' }, null],
    [{ method: 'POST', headers: { 'content-length': upload.length } }, upload],
    [{ method: 'PUT', headers: { 'transfer-encoding': 'chunked', connection: '' } }, upload],
    [{ method: 'HEAD' }, null],
  ]
  for (const [requestOptions, body] of requests) {
    const response = await send({ ...client, ...requestOptions }, body)
    t.equal(response.statusCode, 200)
    response.resume()
    await once(response, 'end')
  }
  t.equal(record.seen.length, requests.length)
  for (const seen of record.seen) {
    const certificate = certificateOf(seen)
    t.equal(certificate, seen.headers[seen.headers.indexOf('X-Escaped') + 1], "equal to nginx's escaped form")
    t.equal(decodeURIComponent(certificate ?? ''), client.cert.toString())
  }
  t.equal(record.seen[1]?.body, upload)
  t.equal(record.seen[2]?.body, upload)
})

test('an upgrade through a real nginx gets its certificate, and its bytes untouched', async (t) => {
  const { port, record } = await strictServer(t, true)
  const client = await startNginx(t, port)
  const request = https.request({ ...client, headers: { connection: 'Upgrade', upgrade: 'echo' } })
  request.end()
  const [response, socket] = (await once(request, 'upgrade')) as [
    http.IncomingMessage,
    import('node:net').Socket,
  ]
  t.equal(response.statusCode, 101)
  t.equal(decodeURIComponent(certificateOf(record.seen[0] as Seen) ?? ''), client.cert.toString())
  const text = withCertificate(multiline)
  let echoed = ''
  socket.on('data', (piece: Buffer) => (echoed += piece.toString('latin1')))
  socket.write(text, 'latin1')
  while (echoed.length < text.length) await once(socket, 'data')
  t.equal(echoed, text)
  socket.destroy()
})

test('without a certificate nginx sends no header, and a forged one is replaced', async (t) => {
  const { port, record } = await strictServer(t, true)
  const { cert, key, ...client } = await startNginx(t, port)
  t.ok(cert.length > 0 && key.length > 0)
  const response = await send({ ...client, headers: { 'X-SSL-Client-Cert': escaped } }, null)
  response.resume()
  await once(response, 'end')
  t.equal(response.statusCode, 200)
  t.equal(certificateOf(record.seen[0] as Seen), undefined)
})
