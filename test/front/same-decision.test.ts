// The same requests through every front door: the service, the Fastify plugin, the Express middleware.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import websocketPlugin from '@fastify/websocket'
import express from 'express'
import Fastify from 'fastify'
import { type Test, test } from 'tap'
import { WebSocketServer } from 'ws'
import { loadConfig } from '../../src/config/load.js'
import { systemClock } from '../../src/core/clock.js'
import { startStandin } from '../../src/demo/standin/standin.js'
import { explain } from '../../src/explain/explain.js'
import { openExplainer } from '../../src/explain/open-explainer.js'
import { certificateGate as middleware } from '../../src/express.js'
import { certificateGate as plugin } from '../../src/fastify.js'
import { silentLog } from '../../src/front/log.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { Gateway } from '../../src/server/gateway.js'
import { readPemBundle } from '../../src/x509/pem.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { escaped, publicUrl } from '../support/running-gateway.js'

const express4 = createRequire(import.meta.url)('express4') as typeof express

/** Where a door listens, and the audit file of the gate behind it. */
interface Door {
  readonly socket: string
  readonly audit: string
}

interface Ground {
  readonly configFor: (name: string) => Promise<{ readonly file: string } & Door>
  readonly ca: IssuedCertificate
}

async function makeGround(t: Test): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-doors-'))
  const users = [
    { username: 'mmuser', email: 'mmuser@mattermost.com' },
    { username: 'denied', email: 'denied@mattermost.com' },
    { username: 'carol', email: 'carol@mattermost.com', deactivated: true },
    { username: 'robot', bot: true },
  ]
  const standin = await startStandin({ siteUrl: publicUrl, users })
  const ca = await makeCa('Test CA')
  await writeFile(join(folder, 'ca.crt'), ca.pem)
  await writeFile(join(folder, 'deny.txt'), 'user:denied\nserial:0badc0de\n')
  await writeFile(join(folder, 'token'), standin.adminToken, { mode: 0o600 })
  t.teardown(async () => {
    await standin.close()
    await rm(folder, { recursive: true, force: true })
  })
  const configFor = async (name: string) => {
    const file = join(folder, `${name}.yaml`)
    await writeFile(
      file,
      `listen: { socket: ${name}.sock }
public: { url: "${publicUrl}" }
proxy: { verifyHeader: X-SSL-Client-Verify }
trust: [{ name: staff, ca: ca.crt }]
denyList: deny.txt
mattermost: { url: "${standin.url}", signIn: access-token, admin: { tokenFile: token } }
sessions: { path: store-${name}, instance: ${name} }
audit: { file: audit-${name}.jsonl }
routes:
  - { path: /hooks/*, certificate: none }
  - { path: /public/*, certificate: optional }
`,
    )
    return { file, socket: join(folder, `${name}.sock`), audit: join(folder, `audit-${name}.jsonl`) }
  }
  return { configFor, ca }
}

type Opener = (t: Test, ground: Ground) => Promise<string>

const doors: Readonly<Record<string, Opener>> = {
  service: async (t, { configFor }) => {
    const { file, socket } = await configFor('service')
    const gateway = await Gateway.start(await loadConfig(file), { log: silentLog, clock: systemClock })
    t.teardown(() => gateway.stop())
    return socket
  },
  fastify: async (t, { configFor }) => {
    const { file, socket } = await configFor('fastify')
    const app = Fastify()
    await app.register(plugin, { config: await loadConfig(file) })
    await app.register(websocketPlugin)
    // In a scope of its own: the gate holds for siblings, too.
    await app.register(async (scope) => {
      scope.get('/api/v4/websocket', { websocket: true }, (ws) => ws.close())
      scope.all('/*', (_request, reply) => reply.send('let in'))
    })
    await app.listen({ path: socket })
    t.teardown(() => app.close())
    return socket
  },
  'express 4': (t, ground) => openExpress(t, ground, express4, 'express4'),
  'express 5': (t, ground) => openExpress(t, ground, express, 'express5'),
}

async function openExpress(t: Test, { configFor }: Ground, framework: typeof express, name: string) {
  const { file, socket } = await configFor(name)
  const gate = middleware({ config: await loadConfig(file) })
  const app = framework()
  app.use(gate)
  app.use((_request, response) => void response.send('let in'))
  const server = http.createServer(app)
  const sockets = new WebSocketServer({ noServer: true })
  server.on(
    'upgrade',
    (request, raw, head) =>
      void gate.upgrade(request, raw, head, () =>
        sockets.handleUpgrade(request, raw, head, (ws) => ws.close()),
      ),
  )
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  t.teardown(async () => {
    await new Promise((resolve) => server.close(resolve))
    await gate.close()
  })
  return socket
}

interface Vector {
  readonly method?: string
  readonly path?: string
  readonly certificate?: string | null
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

/** `allowed`, or the code of the refusal as it stands in whatever form it came. */
function ask(socketPath: string, vector: Vector): Promise<string> {
  const headers: string[] = ['Host', 'chat.example.com', 'Connection', 'close']
  const { certificate } = vector
  if (certificate !== null && certificate !== undefined) {
    headers.push('X-SSL-Client-Cert', certificate, 'X-SSL-Client-Verify', 'SUCCESS')
  }
  for (const [name, value] of vector.headers ?? []) {
    if (name === 'Connection') headers.splice(2, 2)
    headers.push(name, value)
  }
  return new Promise((resolve, reject) => {
    const request = http.request({
      ...{
        socketPath,
        method: vector.method ?? 'GET',
        path: vector.path ?? '/api/v4/users/me',
        headers,
        agent: false,
      },
    })
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      resolve('allowed')
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const found = /"id":"mattergate\.(\w+)"|<code>(\w+)<\/code>|\((\w+), request /.exec(text)
        resolve(found === null ? 'allowed' : (found[1] ?? found[2] ?? found[3] ?? ''))
      })
    })
    request.end()
  })
}

const upgrade = (protocol = 'websocket') =>
  [
    ['Connection', 'Upgrade'],
    ['Upgrade', protocol],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ] as const

async function makeVectors(ca: IssuedCertificate) {
  const dayMs = 86_400_000
  const good = escaped(await makeUser(ca))
  const past = { notBefore: new Date(Date.now() - 3 * dayMs), notAfter: new Date(Date.now() - dayMs) }
  const future = { notBefore: new Date(Date.now() + dayMs), notAfter: new Date(Date.now() + 3 * dayMs) }
  const as = async (options: Parameters<typeof makeUser>[1]) => escaped(await makeUser(ca, options))
  const person = (commonName: string) => ({ commonName, email: `${commonName}@mattermost.com` })
  const vectors: readonly (readonly [expected: string, vector: Vector])[] = [
    ['allowed', { certificate: good }],
    [
      'allowed',
      { certificate: good, method: 'POST', path: '/api/v4/posts?x=%zz', headers: [['Origin', publicUrl]] },
    ],
    ['allowed', { certificate: null, path: '/hooks/x' }],
    ['allowed', { certificate: null, path: '/public/x' }],
    ['certificate_expired', { certificate: await as(past), path: '/public/x' }],
    ['certificate_missing', { certificate: null }],
    ['certificate_missing', { certificate: null, path: '/', headers: [['Accept', 'text/html']] }],
    ['certificate_missing', { certificate: null, headers: [['X_SSL_Client_Cert', good]] }],
    ['certificate_malformed', { certificate: good.slice(0, -40) }],
    ['certificate_duplicated', { certificate: good, headers: [['X-SSL-Client-Cert', good]] }],
    ['proxy_unverified', { certificate: null, headers: [['X-SSL-Client-Verify', 'FAILED:expired']] }],
    ['certificate_expired', { certificate: await as(past) }],
    ['certificate_not_yet_valid', { certificate: await as(future) }],
    ['chain_untrusted', { certificate: escaped(await makeUser(await makeCa('Test CA'))) }],
    ['key_too_weak', { certificate: await as({ key: { kind: 'rsa', bits: 1024 } }) }],
    ['algorithm_refused', { certificate: await as({ signature: { hash: 'sha1' } }) }],
    ['certificate_revoked', { certificate: await as({ serial: '0badc0de' }) }],
    ['subject_mismatch', { certificate: good, headers: [['X-SSL-Client-Cert-Subject-DN', 'CN=bob']] }],
    ['identity_absent', { certificate: await as({ commonName: 'No Name', email: null }) }],
    ['not_allowed', { certificate: await as(person('denied')) }],
    ['not_allowed', { certificate: good, method: 'POST', path: '/api/v4/users/log%69n' }],
    ['user_unknown', { certificate: await as(person('nobody')) }],
    ['user_deactivated', { certificate: await as(person('carol')) }],
    ['user_is_bot', { certificate: await as({ commonName: 'robot', email: null }) }],
    ['cross_site', { certificate: good, method: 'POST', headers: [['Origin', 'https://evil.example']] }],
    [
      'cross_site',
      {
        certificate: good,
        headers: [
          ['Sec-Fetch-Site', 'cross-site'],
          ['Sec-Fetch-Mode', 'no-cors'],
        ],
      },
    ],
    ['request_ambiguous', { certificate: good, path: '/a/../b' }],
    ['request_ambiguous', { certificate: good, path: '/a/%2e%2e/b' }],
    ['request_ambiguous', { certificate: good, path: '//a' }],
    ['request_ambiguous', { certificate: good, path: '/hooks/..;/api' }],
    ['request_ambiguous', { certificate: good, headers: [['Host', 'other.example']] }],
    ['method_refused', { certificate: good, method: 'TRACE' }],
    ['not_found', { certificate: good, path: '/.mattergate/nothing' }],
    [
      'certificate_missing',
      {
        certificate: null,
        path: '/.mattergate/refused',
        headers: [['X-Mattergate-Proxy-Refusal', '496 NONE']],
      },
    ],
    [
      'allowed',
      { certificate: good, path: '/api/v4/websocket', headers: [...upgrade(), ['Origin', publicUrl]] },
    ],
    [
      'cross_site',
      {
        certificate: good,
        path: '/api/v4/websocket',
        headers: [...upgrade(), ['Origin', 'https://evil.example']],
      },
    ],
    [
      'certificate_missing',
      { certificate: null, path: '/api/v4/websocket', headers: [...upgrade(), ['Origin', publicUrl]] },
    ],
    [
      'upgrade_refused',
      { certificate: good, path: '/elsewhere', headers: [...upgrade(), ['Origin', publicUrl]] },
    ],
    [
      'upgrade_refused',
      { certificate: good, path: '/api/v4/websocket', headers: [...upgrade('h2c'), ['Origin', publicUrl]] },
    ],
    ['upgrade_refused', { certificate: null, path: '/hooks/x', headers: upgrade() }],
  ]
  return vectors
}

test('every front door decides the same', async (t) => {
  const ground = await makeGround(t)
  const vectors = await makeVectors(ground.ca)
  for (const [name, open] of Object.entries(doors)) {
    const socket = await open(t, ground)
    for (const [expected, vector] of vectors) {
      const { method = 'GET', path = '/api/v4/users/me' } = vector
      t.equal(await ask(socket, vector), expected, `${name}: ${method} ${path} ${expected}`)
    }
  }
})

test('under a mount of Express the whole path is judged', async (t) => {
  const ground = await makeGround(t)
  const { file, socket } = await ground.configFor('mounted')
  const gate = middleware({ config: await loadConfig(file) })
  const app = express()
  app.use('/api', gate)
  app.use((_request, response) => void response.send('let in'))
  const server = http.createServer(app)
  await new Promise<void>((open) => server.listen(socket, open))
  t.teardown(async () => {
    await new Promise((closed) => server.close(closed))
    await gate.close()
  })
  const certificate = escaped(await makeUser(ground.ca))
  t.equal(await ask(socket, { certificate, path: '/api/v4/users/login', method: 'POST' }), 'not_allowed')
  t.equal(await ask(socket, { certificate, path: '/api/v4/users/me' }), 'allowed')
  t.equal(await ask(socket, { certificate: null, path: '/api/v4/users/me' }), 'certificate_missing')
  t.equal(
    await ask(socket, { certificate: null, path: '/elsewhere' }),
    'allowed',
    'what is not mounted is not asked',
  )
})

test('a configuration that is wrong is told by ready, and lets nobody in', async (t) => {
  const gate = middleware({ config: { public: { url: 'https://x.example' }, trust: [] } })
  await t.rejects(gate.ready, { name: 'ConfigError' })
  const server = http.createServer((request, response) =>
    gate(request, response, (error) => response.end(error instanceof Error ? error.name : 'let in')),
  )
  await new Promise<void>((open) => server.listen(0, '127.0.0.1', open))
  t.teardown(() => new Promise((closed) => server.close(closed)))
  const { port } = server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  t.equal(await answer.text(), 'ConfigError')
  await t.rejects(async () => Fastify().register(plugin, { config: {} }), { name: 'ConfigError' })
})

test('explain says of a certificate what the doors say of its request', async (t) => {
  const ground = await makeGround(t)
  const { file } = await ground.configFor('explained')
  const explainer = await openExplainer(await loadConfig(file), { offline: false, storeExists: false })
  t.teardown(() => explainer.close())
  for (const [expected, vector] of await makeVectors(ground.ca)) {
    const { certificate, ...request } = vector
    if (typeof certificate !== 'string' || Object.keys(request).length > 0) continue
    // What is no PEM at all is refused by the command before anything is asked.
    if (expected === 'certificate_malformed') continue
    const [leaf, ...chain] = readPemBundle(decodeURIComponent(certificate))
    if (leaf === undefined) throw new Error('a vector without a certificate')
    const explained = await explain({ leaf, chain }, explainer)
    t.equal(explained.code ?? 'allowed', expected)
  }
})
