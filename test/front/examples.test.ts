// The applications of docs/examples behind a real nginx with the printed site, and the package as others get it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import { loadConfig } from '../../src/config/load.js'
import { nginxSite } from '../../src/nginx-site/nginx-site.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { startNginx } from '../support/nginx.js'

const root = resolve(import.meta.dirname, '../..')

interface Application {
  readonly tls: number
  readonly ca: IssuedCertificate
  readonly folder: string
}

/** As docs/embedding.md says: the configuration, the printed site, the application behind it. */
async function startApplication(t: Test, example: string): Promise<Application> {
  const folder = mkdtempSync(join(tmpdir(), 'mgex-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const ca = await makeCa('App CA')
  writeFileSync(join(folder, 'ca.crt'), ca.pem)
  const server = ['-keyout', 'server.key', '-out', 'server.crt', '-subj', '/CN=app.example.com', '-days', '2']
  execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', 'rsa:2048', ...server], {
    cwd: folder,
    stdio: 'pipe',
  })
  const configFile = join(folder, 'app.yaml')
  writeFileSync(
    configFile,
    `listen: { socket: app.sock }
public: { url: "https://app.example.com" }
proxy: { verifyHeader: X-SSL-Client-Verify }
trust: [{ name: staff, ca: ca.crt }]
mattermost: null
sessions: { path: gate }
audit: { file: audit.jsonl }
`,
  )
  const socket = join(folder, 'app.sock')
  const child = spawn(process.execPath, [join(root, 'docs/examples', example), configFile, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => stop(child))
  await once(child.stdout, 'data')
  const { tls } = await startNginx(t, folder, nginxSite(await loadConfig(configFile)))
  return { tls, ca, folder }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

interface Answer {
  readonly status: number
  readonly text: string
}

function identityOf(certificate: IssuedCertificate | null) {
  return certificate === null ? {} : { cert: certificate.pem, key: certificate.privateKeyPem }
}

function get(port: number, certificate: IssuedCertificate | null, path = '/'): Promise<Answer> {
  return new Promise((resolve_, reject) => {
    const options = { host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false }
    const headers = { Host: 'app.example.com' }
    https
      .get({ ...options, ...identityOf(certificate), headers, servername: 'app.example.com' }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve_({ status: response.statusCode ?? 0, text }))
      })
      .on('error', reject)
  })
}

for (const example of ['fastify-app.mjs', 'express-app.mjs']) {
  test(`${example} greets the certificate's user and nobody else`, async (t) => {
    const { tls, ca, folder } = await startApplication(t, example)
    const alice = await makeUser(ca, { commonName: 'alice', email: 'alice@example.com' })
    t.strictSame(await get(tls, alice), { status: 200, text: 'Hello alice@example.com\n' })
    const nobody = await get(tls, null)
    t.match(nobody, { status: 401, text: /certificate_missing/ })
    const stranger = await makeUser(await makeCa('Other CA'))
    t.match(await get(tls, stranger), { status: 403, text: /chain_untrusted/ })
    t.match(await get(tls, alice, '/.mattergate/whoami'), { status: 200, text: /"alice@example.com"/ })
    const audit = await readFile(join(folder, 'audit.jsonl'), 'utf8')
    t.match(audit, /"event":"request".*alice@example\.com/)
  })
}

test('express-app.mjs greets over a websocket, and closes the door on others', async (t) => {
  const { tls, ca } = await startApplication(t, 'express-app.mjs')
  const open = async (certificate: IssuedCertificate | null, origin: string) => {
    const websocket = new WebSocket(`wss://127.0.0.1:${tls}/api/v4/websocket`, {
      ...{ ...identityOf(certificate), rejectUnauthorized: false, servername: 'app.example.com' },
      headers: { Host: 'app.example.com', Origin: origin },
    })
    return new Promise<string>((settle) => {
      websocket.once('message', (data: Buffer) => {
        websocket.terminate()
        settle(data.toString())
      })
      websocket.once('unexpected-response', (_request, response) => {
        websocket.terminate()
        settle(String(response.statusCode))
      })
      websocket.on('error', () => undefined)
    })
  }
  const alice = await makeUser(ca, { commonName: 'alice', email: 'alice@example.com' })
  t.equal(await open(alice, 'https://app.example.com'), 'Hello alice@example.com')
  t.equal(await open(alice, 'https://evil.example'), '403')
  t.equal(await open(null, 'https://app.example.com'), '401')
})
