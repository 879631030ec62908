// The gateway's own TLS: every kind of key, both versions, resumed sessions, and nothing believed of headers.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import https from 'node:https'
import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import type { Clock } from '../../src/core/clock.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import type { KeyOptions } from '../../src/pki/keys.js'
import { cachedKey, makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { escaped, publicUrl, type Running, startRunning } from '../support/running-gateway.js'

interface TlsRunning extends Running {
  readonly port: number
}

/** The gateway with TLS of its own in front of the stand-in. */
async function startTls(t: Test, ca: IssuedCertificate, clock?: Clock): Promise<TlsRunning> {
  // Any certificate whose key may sign will do: the clients here do not look at it.
  const server = await makeUser(await makeCa('Server CA'))
  const running = await startRunning(t, {
    ...(clock === undefined ? {} : { clock }),
    caPem: ca.pem,
    files: { 'server.crt': server.pem, 'server.key': server.privateKeyPem },
    yaml: { listen: '{ host: 127.0.0.1, port: 0, tls: { certificate: server.crt, key: server.key } }' },
  })
  return Object.assign(running, { port: Number(running.gateway.address.replace(/^.*:/, '')) })
}

function tlsOf({ port }: TlsRunning, certificate: IssuedCertificate | null): ConnectionOptions {
  const own = certificate === null ? {} : { cert: certificate.pem, key: certificate.privateKeyPem }
  return { host: '127.0.0.1', port, rejectUnauthorized: false, servername: 'chat.example.com', ...own }
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** One request over a connection of its own; without a handshake the text is empty. */
async function get(
  options: ConnectionOptions,
  path = '/.mattergate/whoami',
  headers = '',
): Promise<Answer & { reused: boolean }> {
  const socket = connect({ ...options, ALPNProtocols: ['http/1.1'] })
  let reused = false
  socket.once('secureConnect', () => (reused = socket.isSessionReused()))
  socket.on('error', () => undefined)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: chat.example.com\r\nConnection: close\r\n${headers}\r\n`)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise((closed) => socket.once('close', closed))
  const text = Buffer.concat(chunks).toString()
  return { status: Number(text.split(' ')[1]), text, reused }
}

function sha256(certificate: IssuedCertificate): string {
  return createHash('sha256').update(certificate.der).digest('hex')
}

const keys: readonly KeyOptions[] = [
  { kind: 'rsa', bits: 2048 },
  { kind: 'rsa', bits: 3072 },
  { kind: 'rsa', bits: 4096 },
  { kind: 'ec', curve: 'P-256' },
  { kind: 'ec', curve: 'P-384' },
  { kind: 'ec', curve: 'P-521' },
  { kind: 'ed25519' },
]

test('signs in with every kind of key that is accepted, by TLS 1.2 and 1.3', async (t) => {
  const cas = [
    await makeCa('RSA CA', { key: await cachedKey({ kind: 'rsa', bits: 2048 }, 1) }),
    await makeCa('P-384 CA', { key: { kind: 'ec', curve: 'P-384' } }),
    await makeCa('Ed25519 CA', { key: { kind: 'ed25519' } }),
  ]
  const [first] = cas
  if (first === undefined) throw new Error('no authority')
  const running = await startTls(t, first)
  await writeFile(join(running.folder, 'ca.crt'), cas.map(({ pem }) => pem).join(''))
  await running.gateway.reload()
  for (const ca of cas) {
    for (const key of keys) {
      const user = await makeUser(ca, { key: await cachedKey(key) })
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const options = { ...tlsOf(running, user), minVersion: version, maxVersion: version }
        const { status, text } = await get(options, '/api/v4/users/me')
        t.match(
          { status, text },
          { status: 200, text: '"username":"mmuser"' },
          `${JSON.stringify(key)} ${version}`,
        )
      }
    }
  }
  const pss = await makeUser(first, {
    signature: { pss: {} },
    key: await cachedKey({ kind: 'rsa', bits: 2048 }),
  })
  t.equal((await get(tlsOf(running, pss))).status, 200, 'RSASSA-PSS by the authority')
  const old = await get({
    ...tlsOf(running, pss),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'ALL@SECLEVEL=0',
  })
  t.equal(old.text, '', 'TLS 1.1 is not spoken')
})

test('a key that the client does not hold ends the handshake, and none at all is a page', async (t) => {
  const ca = await makeCa('Test CA')
  const running = await startTls(t, ca)
  const [mine, theirs] = [await makeUser(ca), await makeUser(ca)]
  t.throws(() => connect({ ...tlsOf(running, mine), key: theirs.privateKeyPem }), {
    code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
  })
  const nobody = await get(tlsOf(running, null))
  t.match(nobody, { status: 401, text: 'certificate_missing' })
  const stranger = await makeUser(await makeCa('Other CA'))
  t.match(await get(tlsOf(running, stranger)), { status: 403, text: 'chain_untrusted' })
})

/** Keeps the session of a first connection for a second one. */
async function sessionOf(options: ConnectionOptions): Promise<Buffer> {
  const socket = connect(options)
  const [session] = (await once(socket, 'session')) as [Buffer]
  socket.destroy()
  return session
}

async function resumed(options: ConnectionOptions): Promise<Answer & { reused: boolean }> {
  return get({ ...options, session: await sessionOf(options) })
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a resumed session of ${version} is judged by its own certificate, at every request anew`, async (t) => {
    const ca = await makeCa('Test CA')
    let now = Date.now()
    const running = await startTls(t, ca, { now: () => now })
    const [mmuser, alice] = [
      await makeUser(ca, { notAfter: new Date(now + 60_000) }),
      await makeUser(ca, { commonName: 'alice', email: 'alice@mattermost.com' }),
    ]
    const limits = { minVersion: version, maxVersion: version }
    const mine = { ...tlsOf(running, mmuser), ...limits }
    const first = await resumed(mine)
    t.match(first, { reused: true, status: 200, text: sha256(mmuser) })
    // Whoever holds the session held the key: what else is offered with it is not even asked for.
    const session = await sessionOf(mine)
    const withAlice = await get({ ...tlsOf(running, alice), ...limits, session })
    t.match(withAlice.text, sha256(withAlice.reused ? mmuser : alice))
    const kept = await sessionOf(mine)
    now += 61_000
    const late = await get({ ...mine, session: kept })
    t.equal(late.reused, true)
    t.match(late, { status: 403, text: 'certificate_expired' })
    const none = await resumed({ ...tlsOf(running, null), ...limits })
    t.match(none, { status: 401, text: 'certificate_missing' }, 'a session without a certificate has none')
  })
}

test('whatever a client writes about itself changes nothing, and reaches nobody', async (t) => {
  const ca = await makeCa('Test CA')
  const running = await startTls(t, ca)
  const [mmuser, alice] = [
    await makeUser(ca),
    await makeUser(ca, { commonName: 'alice', email: 'alice@mattermost.com' }),
  ]
  const pem = escaped(alice)
  const base64 = Buffer.from(alice.der).toString('base64')
  const forged = {
    'X-SSL-Client-Cert': pem,
    'X-SSL-Client-Cert-Subject-DN': 'CN=alice',
    'X-SSL-Client-Verify': 'SUCCESS',
    'Client-Cert': `:${base64}:`,
    'X-Forwarded-Client-Cert': `Cert="${pem}"`,
    'X-Forwarded-Tls-Client-Cert': base64,
    'X-Amzn-Mtls-Clientcert-Leaf': pem,
    'Cf-Client-Cert-Der-Base64': base64,
    'X-ARR-ClientCert': base64,
    'X-Forwarded-User': 'alice',
    'X-Mattergate-Proxy-Secret': 'guess',
    'X-Mattergate-Proxy-Refusal': '495 FAILED:certificate has expired',
    'X-Forwarded-For': '203.0.113.9',
    'X-Real-IP': '203.0.113.9',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Proto': 'http',
    Authorization: 'Bearer stolen',
  }
  const lines = Object.entries(forged)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  t.match((await get(tlsOf(running, mmuser), '/api/v4/users/me', lines)).text, '"username":"mmuser"')
  t.match((await get(tlsOf(running, null), '/api/v4/users/me', lines)).text, 'certificate_missing')
  const { rawHeaders } = running.standin.requests.at(-1) ?? { rawHeaders: [] }
  const reached = new Map(
    Array.from({ length: rawHeaders.length / 2 }, (_none, at) => [
      rawHeaders[2 * at]?.toLowerCase(),
      rawHeaders[2 * at + 1],
    ]),
  )
  const mayBeThere = new Set([
    'x-forwarded-for',
    'x-real-ip',
    'x-forwarded-host',
    'x-forwarded-proto',
    'authorization',
  ])
  for (const [name, value] of Object.entries(forged)) {
    if (mayBeThere.has(name.toLowerCase())) t.not(reached.get(name.toLowerCase()), value, name)
    else t.notOk(reached.has(name.toLowerCase()), name)
  }
  t.equal(reached.get('x-forwarded-for'), '127.0.0.1', 'the peer is the client')
  t.match((await running.audit()).at(-1), { clientIp: '127.0.0.1', peer: '127.0.0.1' })
})

test('keeps a connection, and carries websockets that end with the certificate', async (t) => {
  const ca = await makeCa('Test CA')
  let now = Date.now()
  const running = await startTls(t, ca, { now: () => now })
  const user = await makeUser(ca, { notAfter: new Date(now + 60_000) })
  const agent = new https.Agent({ ...tlsOf(running, user), keepAlive: true, maxSockets: 1 })
  const ports = new Set<number | undefined>()
  for (let number = 0; number < 3; number += 1) {
    const request = https.get({
      port: running.port,
      host: '127.0.0.1',
      path: '/api/v4/users/me',
      agent,
      headers: { Host: 'chat.example.com' },
    })
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
    response.resume()
    await once(response, 'end')
    t.equal(response.statusCode, 200)
    ports.add(request.socket?.localPort)
  }
  t.equal(ports.size, 1)
  agent.destroy()
  const socket = new WebSocket(`wss://127.0.0.1:${running.port}/api/v4/websocket`, {
    ...tlsOf(running, user),
    headers: { Host: 'chat.example.com', Origin: publicUrl },
  })
  const [hello] = (await once(socket, 'message')) as [Buffer]
  t.match(hello.toString(), '"hello"')
  const closed = once(socket, 'close')
  now += 61_000
  t.equal((await closed)[0], 4401)
  const ended = await eventually(
    async () => (await running.audit()).find(({ event }) => event === 'websocket_end'),
    (event) => event !== undefined,
  )
  t.match(ended, { websocket: { code: 4401 } })
})
