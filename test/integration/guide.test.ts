// The Mattermost guide "SSL client certificate setup", command by command, with the answers it gives.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'
import { NginxFront } from '../../src/demo/nginx-front.js'
import { createAuthority, issueCertificate } from '../../src/pki/issue.js'
import { serverExtensions } from '../../src/pki/profiles.js'
import { freePort } from '../support/free-port.js'
import { startRunning } from '../support/running-gateway.js'

const caPassphrase = 'capassword'
const userPassphrase = 'mmuser-passphrase'

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** In a session of its own there is no terminal: OpenSSL then reads passphrases from its input as well. */
async function ran(
  folder: string,
  line: string,
  answers: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const [command = '', ...args] = line.split(' ')
  const child = spawn(command, args, { cwd: folder, detached: true, env: { ...process.env, ...environment } })
  child.stdin.end(answers.map((answer) => `${answer}\n`).join(''))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, out, err }
}

const organisation = ['US', 'Maryland', 'Meade', 'Mattermost', 'Smarttotem']

/** Steps 1 to 3 and 7 of the guide. */
async function followGuide(t: Test, keyBits: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-guide-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const steps: [line: string, answers: string[]][] = [
    ['openssl genrsa -des3 -out ca.mattermost.key 4096', [caPassphrase, caPassphrase]],
    [
      'openssl req -new -x509 -days 365 -key ca.mattermost.key -out ca.mattermost.crt',
      [caPassphrase, ...organisation, 'example.mattermost.com', 'admin@mattermost.com'],
    ],
    [`openssl genrsa -des3 -out mmuser-mattermost.key ${keyBits}`, [userPassphrase, userPassphrase]],
    [
      'openssl req -new -key mmuser-mattermost.key -out mmuser-mattermost.csr',
      [userPassphrase, ...organisation, 'mmuser', 'mmuser@mattermost.com', userPassphrase, ''],
    ],
    [
      'openssl x509 -req -days 365 -in mmuser-mattermost.csr -CA ca.mattermost.crt -CAkey ca.mattermost.key -set_serial 01 -out mmuser-mattermost.crt',
      [caPassphrase],
    ],
    ['openssl x509 -in mmuser-mattermost.crt -text -noout', []],
    [
      'openssl pkcs12 -export -out mmuser-mattermost.p12 -inkey mmuser-mattermost.key -in mmuser-mattermost.crt -certfile ca.mattermost.crt',
      [userPassphrase, userPassphrase, userPassphrase],
    ],
  ]
  for (const [line, answers] of steps) {
    const { code, err } = await ran(folder, line, answers)
    t.equal(code, 0, line, { err })
  }
  return folder
}

/** nginx with the guide's snippet, and the gateway behind it. */
async function behindNginx(t: Test, folder: string) {
  const caPem = await readFile(join(folder, 'ca.mattermost.crt'), 'utf8')
  const yaml = { listen: '{ socket: http.sock, multilineHeader: true }' }
  const running = await startRunning(t, { caPem, yaml })
  const { certificate, key } = await serverCertificate(folder)
  const port = await freePort()
  const front = await NginxFront.start({
    folder: join(running.folder, 'nginx'),
    ...{ port, certificate, key },
    clientCa: join(folder, 'ca.mattermost.crt'),
    upstream: `unix:${running.gateway.address}`,
  })
  t.teardown(() => front.stop())
  return { running, port }
}

async function serverCertificate(folder: string): Promise<{ certificate: string; key: string }> {
  const dayMs = 86_400_000
  const valid = { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + dayMs) }
  const issuer = await createAuthority({ subject: [{ type: 'CN', value: 'Web CA' }], ...valid })
  const server = await issueCertificate({
    subject: [{ type: 'CN', value: 'example.mattermost.com' }],
    extensions: serverExtensions([{ dns: 'example.mattermost.com' }]),
    issuer,
    ...valid,
  })
  const files = { certificate: join(folder, 'server.crt'), key: join(folder, 'server.key') }
  await writeFile(files.certificate, server.pem)
  await writeFile(files.key, server.privateKeyPem)
  return files
}

/** The guide's own line, with the name made to lead to this machine. */
function curl(port: number, path: string, certificate = `mmuser-mattermost.crt:${userPassphrase}`): string {
  const to = `--resolve example.mattermost.com:${port}:127.0.0.1 https://example.mattermost.com:${port}${path}`
  return `curl -v -s -k --key mmuser-mattermost.key --cert ${certificate} ${to}`
}

test('the guide, with a key of 2048 bits, leads to the signed-in page', async (t) => {
  const folder = await followGuide(t, 2048)
  const { running, port } = await behindNginx(t, folder)
  const page = await ran(folder, curl(port, '/'))
  t.equal(page.code, 0, 'curl', { err: page.err })
  t.match(page.out, /<title>Mattermost<\/title>/)
  const me = await ran(folder, curl(port, '/api/v4/users/me'))
  t.match(JSON.parse(me.out), { username: 'mmuser', email: 'mmuser@mattermost.com' })
  t.match((await running.audit()).at(-1), {
    event: 'request',
    certificate: { serial: '01', issuer: /CN=example\.mattermost\.com/ },
    identity: { email: 'mmuser@mattermost.com', rule: 'subject.email' },
    user: { username: 'mmuser' },
    clientIp: '127.0.0.1',
  })

  const none = await ran(
    folder,
    `curl -s -k --resolve example.mattermost.com:${port}:127.0.0.1 https://example.mattermost.com:${port}`,
  )
  t.match(none.out, 'No required SSL certificate was sent', "the guide's first message")
  const noPassphrase = await ran(folder, curl(port, '/', 'mmuser-mattermost.crt'))
  t.equal(noPassphrase.code, 58, "the guide's second message: the key cannot be decrypted")
})

test('the guide’s own key of 1024 bits is refused by whoever comes first', async (t) => {
  const folder = await followGuide(t, 1024)
  const { port } = await behindNginx(t, folder)
  const asWritten = await ran(folder, curl(port, '/'))
  t.equal(asWritten.code, 58, 'curl itself: its OpenSSL takes no such key')
  t.match(asWritten.err, /ee key too small/)

  await writeFile(join(folder, 'level0.cnf'), levelZero)
  const level0 = { OPENSSL_CONF: join(folder, 'level0.cnf') }
  const atNginx = await ran(folder, curl(port, '/'), [], level0)
  t.equal(atNginx.code, 0, 'curl', { err: atNginx.err })
  t.match(atNginx.out, /400 The SSL certificate error/)

  const { certificate, key } = await serverCertificate(folder)
  const caPem = await readFile(join(folder, 'ca.mattermost.crt'), 'utf8')
  const listen = `{ host: 127.0.0.1, port: 0, tls: { certificate: "${certificate}", key: "${key}" } }`
  const own = await startRunning(t, { caPem, yaml: { listen } })
  const ownPort = Number(own.gateway.address.split(':')[1])
  const atGateway = await ran(folder, curl(ownPort, '/api/v4/users/me'), [], level0)
  t.match(JSON.parse(atGateway.out), { id: 'mattergate.key_too_weak', status_code: 403 })

  const trust = '[{ name: staff, ca: ca.crt, require: { minRsaBits: 1024 } }]'
  const allowing = await startRunning(t, { caPem, yaml: { listen, trust } })
  const allowed = await ran(
    folder,
    curl(Number(allowing.gateway.address.split(':')[1]), '/api/v4/users/me'),
    [],
    level0,
  )
  t.match(JSON.parse(allowed.out), { username: 'mmuser' }, 'unless the operator allows it')
})

const levelZero = `openssl_conf = defaults
[defaults]
ssl_conf = ssl
[ssl]
system_default = system
[system]
CipherString = DEFAULT:@SECLEVEL=0
`
