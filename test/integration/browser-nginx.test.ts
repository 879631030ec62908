// Real Chromium, a real nginx with the very site that `mattergate nginx` prints, the gateway behind it.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { type Test, test } from 'tap'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { freePort } from '../support/free-port.js'
import { startNginx } from '../support/nginx.js'
import { type Running, startRunning } from '../support/running-gateway.js'

const binaries = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const cli = resolve(import.meta.dirname, '../../dist/cli.js')

interface Scene {
  readonly running: Running
  readonly publicUrl: string
  readonly open: (certificate: IssuedCertificate | null, options?: BrowserContextOptions) => Promise<Page>
}

async function startScene(t: Test): Promise<Scene> {
  const executablePath = binaries.find((path) => existsSync(path))
  if (executablePath === undefined)
    throw new Error('Chromium is missing. On Debian: apt-get install chromium')
  const port = await freePort()
  const publicUrl = `https://localhost:${port}`
  const running = await startRunning(t, {
    standin: { siteUrl: publicUrl },
    yaml: { public: `{ url: "${publicUrl}" }`, proxy: '{ verifyHeader: X-SSL-Client-Verify }' },
  })
  const server = ['-keyout', 'server.key', '-out', 'server.crt', '-subj', '/CN=localhost', '-days', '2']
  execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', 'rsa:2048', ...server], {
    ...{ cwd: running.folder, stdio: 'pipe' },
  })
  const site = execFileSync(process.execPath, [cli, 'nginx', '--config', running.configFile], {
    encoding: 'utf8',
  })
  await startNginx(t, running.folder, site, { plain: await freePort(), tls: port })
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
  ]
  const browser = await chromium.launch({ executablePath, args })
  t.teardown(() => browser.close())
  return {
    ...{ running, publicUrl },
    open: async (certificate, options = {}) => {
      const context = await browser.newContext({
        ignoreHTTPSErrors: true,
        ...options,
        clientCertificates:
          certificate === null
            ? []
            : [
                {
                  origin: publicUrl,
                  cert: Buffer.from(certificate.pem),
                  key: Buffer.from(certificate.privateKeyPem),
                },
              ],
      })
      return context.newPage()
    },
  }
}

test('behind nginx a browser is signed in: page, API, upload, websocket', async (t) => {
  const { running, publicUrl, open } = await startScene(t)
  const page = await open(running.mmuser)
  t.equal((await page.goto(publicUrl))?.status(), 200)
  t.match(await page.evaluate('document.cookie'), /^MMUSERID=\w{26}$/)
  t.match(await page.evaluate('fetch("/api/v4/users/me").then((answer) => answer.json())'), {
    username: 'mmuser',
  })
  const body = JSON.stringify({ channel_id: running.standin.channelId, message: 'hello' })
  const posted = await page.evaluate(
    (text) => fetch('/api/v4/posts', { method: 'POST', body: text }).then(({ status }) => status),
    body,
  )
  t.equal(posted, 201)
  const event = await page.evaluate(`new Promise((resolve, reject) => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/api/v4/websocket')
    socket.onmessage = ({ data }) => resolve(JSON.parse(data).event)
    socket.onclose = () => reject(new Error('closed'))
  })`)
  t.equal(event, 'hello')
  const events = await running.audit()
  t.ok(events.some(({ event: name, clientIp }) => name === 'request' && clientIp === '127.0.0.1'))
})

test("what nginx refuses, and what the gateway refuses, is the gateway's page", async (t) => {
  const { running, publicUrl, open } = await startScene(t)
  const dayMs = 86_400_000
  const past = { notBefore: new Date(Date.now() - 3 * dayMs), notAfter: new Date(Date.now() - dayMs) }
  const cases: readonly (readonly [IssuedCertificate | null, number, string])[] = [
    [await running.user(past), 403, 'certificate_expired'],
    [await makeUser(await makeCa('Other CA')), 403, 'chain_untrusted'],
    [await running.user({ commonName: 'carol', email: 'carol@mattermost.com' }), 403, 'user_deactivated'],
    [null, 401, 'certificate_missing'],
  ]
  for (const [certificate, status, code] of cases) {
    const page = await open(certificate, { viewport: { width: 360, height: 640 } })
    const problems: string[] = []
    page.on('console', (message) => problems.push(message.text()))
    page.on('request', (request) => {
      if (!request.url().startsWith(publicUrl)) problems.push(request.url())
    })
    t.equal((await page.goto(`${publicUrl}/channels/town-square`))?.status(), status, code)
    t.equal(await page.textContent('code'), code)
    t.equal(await page.locator('script').count(), 0)
    t.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, 'fits a phone')
    const own = problems.filter((text) => !text.includes(`status of ${status}`))
    t.strictSame(own, [], 'nothing is loaded from elsewhere, no rule of its own is broken')
    if (process.env.SCREENSHOTS !== undefined)
      await page.screenshot({ path: join(process.env.SCREENSHOTS, `${code}.png`) })
    await page.context().close()
  }
})

test("another site's image, frame, fetch or form does not act in the user's name", async (t) => {
  const { running, publicUrl, open } = await startScene(t)
  const page = await open(running.mmuser)
  await page.route('https://evil.example/**', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<img src="${publicUrl}/plugins/echo/image"><iframe src="${publicUrl}/plugins/echo/frame"></iframe>
        <form method="post" action="${publicUrl}/plugins/echo/form"></form>`,
    }),
  )
  await page.goto('https://evil.example/')
  await page.evaluate(`fetch("${publicUrl}/plugins/echo/fetch", { mode: "no-cors" }).then(() => null)`)
  await page.evaluate('document.forms[0].submit()')
  const decided = async () => {
    const text = await readFile(running.auditFile, 'utf8')
    return text.split('\n').filter((line) => line.includes('"/plugins/echo/'))
  }
  const lines = await eventually(decided, ({ length }) => length >= 4)
  t.ok(lines.length >= 4 && lines.every((line) => line.includes('"reason":"cross_site"')))
})
