// Real HAProxy, Apache httpd and Caddy, with the example sites of proxies/, in front of the gateway.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { freePort } from '../support/free-port.js'
import { escaped, publicUrl, type Running, startRunning } from '../support/running-gateway.js'

const root = resolve(import.meta.dirname, '../..')

interface Front {
  readonly running: Running
  readonly port: number
}

type Start = (t: Test, running: Running, port: number) => Promise<void>

async function startFront(t: Test, form: string, start: Start): Promise<Front> {
  const running = await startRunning(t, {
    yaml: { proxy: `{ certificate: ${form} }`, listen: '{ socket: http.sock, mode: "0666" }' },
  })
  // Apache gives up being root, and has to reach the socket all the same.
  chmodSync(running.folder, 0o755)
  const server = [
    '-keyout',
    'server.key',
    '-out',
    'server.crt',
    '-subj',
    '/CN=chat.example.com',
    '-days',
    '2',
  ]
  execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', 'rsa:2048', ...server], {
    ...{ cwd: running.folder, stdio: 'pipe' },
  })
  const port = await freePort()
  await start(t, running, port)
  return { running, port }
}

function program(...candidates: string[]): string {
  const found = candidates.find((path) => existsSync(path))
  if (found === undefined) throw new Error(`${candidates.join(' or ')} is missing: see test/run.mjs`)
  return found
}

async function run(
  t: Test,
  command: string,
  args: readonly string[],
  port: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const env = { ...process.env, ...environment }
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  t.teardown(() => stop(child))
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) throw new Error(said)
    if (await answers(port)) return
    await new Promise((wake) => setTimeout(wake, 25))
  }
  throw new Error(`${command} did not start: ${said}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const probe = connect(port, '127.0.0.1')
    probe.once('connect', () => {
      probe.destroy()
      settle(true)
    })
    probe.once('error', () => settle(false))
  })
}

type Change = readonly [from: string, to: string]

/** The example, but for addresses and files, which are the operator's. */
function example(name: string, changes: readonly Change[]): string {
  let text = readFileSync(join(root, 'proxies', name), 'utf8')
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`proxies/${name} does not hold ${from}`)
    text = text.replaceAll(from, to)
  }
  return text
}

const haproxy: Start = async (t, running, port) => {
  const { folder } = running
  const pem =
    readFileSync(join(folder, 'server.crt'), 'utf8') + readFileSync(join(folder, 'server.key'), 'utf8')
  writeFileSync(join(folder, 'server.pem'), pem)
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    example('haproxy.cfg', [
      ['bind :443', `bind 127.0.0.1:${port}`],
      ['/etc/haproxy/chat.example.com.pem', join(folder, 'server.pem')],
      ['/etc/haproxy/clients-ca.crt', join(folder, 'ca.crt')],
      ['unix@/run/mattergate/http.sock', `unix@${running.gateway.address}`],
    ]),
  )
  const binary = program('/usr/sbin/haproxy')
  execFileSync(binary, ['-c', '-f', file], { stdio: 'pipe' })
  await run(t, binary, ['-db', '-f', file], port)
}

const apache: Start = (t, running, port) => startApache(t, running, port, [])

/** The other way in which Apache can write it. */
const apacheSpaces: Start = (t, running, port) =>
  startApache(t, running, port, [['"expr=%{escape:%{SSL_CLIENT_CERT}}"', '%{SSL_CLIENT_CERT}s']])

async function startApache(t: Test, running: Running, port: number, changes: readonly Change[]) {
  const { folder } = running
  const site = example('apache.conf', [
    ...changes,
    ['<VirtualHost *:443>', `<VirtualHost 127.0.0.1:${port}>`],
    ['/etc/apache2/chat.example.com.crt', join(folder, 'server.crt')],
    ['/etc/apache2/chat.example.com.key', join(folder, 'server.key')],
    ['/etc/apache2/clients-ca.crt', join(folder, 'ca.crt')],
    ['unix:/run/mattergate/http.sock', `unix:${running.gateway.address}`],
  ])
  mkdirSync(join(folder, 'apache'))
  const modules = ['mpm_event', 'authz_core', 'socache_shmcb', 'ssl', 'headers', 'proxy', 'proxy_http']
  const loads = modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  const file = join(folder, 'apache.conf')
  writeFileSync(
    file,
    `ServerRoot ${folder}/apache
ServerName chat.example.com
PidFile ${folder}/apache/pid
ErrorLog ${folder}/apache/error.log
DefaultRuntimeDir ${folder}/apache
${loads.join('\n')}
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data\n' : ''}Listen 127.0.0.1:${port}
${site}`,
  )
  const binary = program('/usr/sbin/apache2', '/usr/sbin/httpd')
  execFileSync(binary, ['-t', '-f', file], { stdio: 'pipe' })
  await run(t, binary, ['-f', file, '-DFOREGROUND'], port)
}

const caddy: Start = async (t, running, port) => {
  const { folder } = running
  const options = ['admin off', `http_port ${await freePort()}`, 'auto_https disable_redirects']
  const address = `https://chat.example.com:${port} {\n\tbind 127.0.0.1`
  const site = example('Caddyfile', [
    ['chat.example.com {', `{\n${options.join('\n')}\n}\n${address}`],
    ['/etc/caddy/chat.example.com.crt', join(folder, 'server.crt')],
    ['/etc/caddy/chat.example.com.key', join(folder, 'server.key')],
    ['unix//run/mattergate/http.sock', `unix/${running.gateway.address}`],
  ])
  const file = join(folder, 'Caddyfile')
  writeFileSync(file, site)
  const binary = program('/usr/bin/caddy', '/usr/local/bin/caddy')
  const args = ['--config', file, '--adapter', 'caddyfile']
  const env = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
  execFileSync(binary, ['validate', ...args], { stdio: 'pipe', env: { ...process.env, ...env } })
  await run(t, binary, ['run', ...args], port, env)
}

interface Sent {
  readonly certificate: IssuedCertificate | null
  /** Sent along in the handshake. */
  readonly intermediates?: readonly IssuedCertificate[]
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  readonly path?: string
  readonly body?: string
}

function tls({ certificate, intermediates = [] }: Sent) {
  if (certificate === null) return {}
  return {
    cert: [certificate, ...intermediates].map(({ pem }) => pem).join(''),
    key: certificate.privateKeyPem,
  }
}

function send({ port }: Front, sent: Sent): Promise<{ status: number; text: string }> {
  return new Promise((settle, reject) => {
    const request = https.request({
      ...{ host: '127.0.0.1', port, path: sent.path ?? '/api/v4/users/me', method: sent.method ?? 'GET' },
      ...{ agent: false, rejectUnauthorized: false, servername: 'chat.example.com' },
      ...tls(sent),
      headers: { Host: 'chat.example.com', ...sent.headers },
    })
    request.once('error', reject)
    request.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => settle({ status: response.statusCode ?? 0, text }))
    })
    request.end(sent.body)
  })
}

function base64({ der }: IssuedCertificate): string {
  return Buffer.from(der).toString('base64')
}

interface Proxy {
  readonly name: string
  readonly form: string
  readonly start: Start
  /** Some bad certificates get no handshake, and the gateway never sees them. */
  readonly judges: boolean
  readonly passesIntermediates: boolean
}

const proxies: readonly Proxy[] = [
  {
    ...{ name: 'HAProxy', form: 'haproxy', start: haproxy },
    ...{ judges: false, passesIntermediates: true },
  },
  {
    ...{ name: 'Apache', form: 'apache', start: apache },
    ...{ judges: true, passesIntermediates: true },
  },
  {
    ...{ name: 'Apache with spaces for line ends', form: 'apache', start: apacheSpaces },
    ...{ judges: true, passesIntermediates: true },
  },
  {
    ...{ name: 'Caddy', form: 'haproxy', start: caddy },
    ...{ judges: false, passesIntermediates: false },
  },
]

for (const { name: proxy, form, start, judges, passesIntermediates } of proxies) {
  test(`${proxy}: a certificate signs its user in, by HTTP and by websocket`, async (t) => {
    const front = await startFront(t, form, start)
    const { mmuser, standin } = front.running
    t.match(await send(front, { certificate: mmuser }), { status: 200, text: '"username":"mmuser"' })
    const body = JSON.stringify({ channel_id: standin.channelId, message: 'x'.repeat(10_000) })
    const posted = await send(front, { certificate: mmuser, method: 'POST', path: '/api/v4/posts', body })
    t.equal(posted.status, 201)
    await send(front, { certificate: mmuser, path: '/plugins/echo/a%2Fb?c=%20d' })
    const { target, rawHeaders } = standin.requests.at(-1) ?? { target: '', rawHeaders: [] }
    t.equal(target, '/plugins/echo/a%2Fb?c=%20d', 'the path goes on byte for byte')
    t.notMatch(JSON.stringify(rawHeaders), /ssl-client|MIIC/i)
    const socket = new WebSocket(`wss://127.0.0.1:${front.port}/api/v4/websocket`, {
      ...{ rejectUnauthorized: false, servername: 'chat.example.com', ...tls({ certificate: mmuser }) },
      headers: { Host: 'chat.example.com', Origin: publicUrl },
    })
    const [hello] = (await once(socket, 'message')) as [Buffer]
    t.match(hello.toString(), '"hello"')
    socket.terminate()
    t.match((await front.running.audit()).at(-1), { clientIp: '127.0.0.1' })
  })

  test(`${proxy}: what a client writes into the headers is taken away, with a certificate and without`, async (t) => {
    const front = await startFront(t, form, start)
    const { mmuser } = front.running
    const alice = await front.running.user({ commonName: 'alice', email: 'alice@mattermost.com' })
    const forgeries = [
      { 'X-SSL-Client-Cert': form === 'haproxy' ? base64(alice) : escaped(alice) },
      { 'X-SSL-Client-Cert-Chain': base64(alice) },
      { X_SSL_Client_Cert: base64(alice) },
      { 'Client-Cert': `:${base64(alice)}:` },
      { 'X-Mattergate-Proxy-Refusal': '496 NONE' },
    ]
    for (const headers of forgeries) {
      const name = Object.keys(headers).join()
      t.match(
        await send(front, { certificate: null, headers }),
        { status: 401, text: 'certificate_missing' },
        name,
      )
      t.match(
        await send(front, { certificate: mmuser, headers }),
        { status: 200, text: '"username":"mmuser"' },
        name,
      )
    }
  })

  test(`${proxy}: a certificate that is not good is refused by the gateway, or in the handshake`, async (t) => {
    const front = await startFront(t, form, start)
    const dayMs = 86_400_000
    const past = { notBefore: new Date(Date.now() - 3 * dayMs), notAfter: new Date(Date.now() - dayMs) }
    const stranger = await makeUser(await makeCa('Other CA'))
    t.match(await send(front, { certificate: stranger }), { status: 403, text: 'chain_untrusted' })
    const expired = send(front, { certificate: await front.running.user(past) })
    if (judges) await t.rejects(expired, 'no handshake')
    else t.match(await expired, { status: 403, text: 'certificate_expired' })
  })

  test(`${proxy}: intermediates that the client sends along lead to the anchor where they are passed on, and are nobody's leaf`, async (t) => {
    const front = await startFront(t, form, start)
    const middle = await makeCa('Intermediate', { issuer: front.running.ca })
    const far = await makeUser(middle)
    t.match(
      await send(front, { certificate: far, intermediates: [middle] }),
      passesIntermediates
        ? { status: 200, text: '"username":"mmuser"' }
        : { status: 403, text: 'chain_untrusted' },
    )
    t.match(await send(front, { certificate: far }), { status: 403, text: 'chain_untrusted' })
    const authority = send(front, { certificate: middle, intermediates: [far] })
    if (judges) await t.rejects(authority, 'no handshake')
    else t.match(await authority, { status: 403, text: 'usage_unsuitable' })
    const unrelated = await makeUser(await makeCa('Other CA'), {
      commonName: 'alice',
      email: 'alice@mattermost.com',
    })
    const beside = await send(front, { certificate: front.running.mmuser, intermediates: [unrelated] })
    t.match(beside, { status: 200, text: '"username":"mmuser"' })
  })
}
