// Real Chromium against the demo's own TLS listener.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { type Test, test } from 'tap'
import { Demo } from '../../src/demo/demo.js'
import type { Holder } from '../../src/demo/demo-certificates.js'
import { eventually } from '../support/eventually.js'

const binaries = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

async function demoInBrowser(t: Test) {
  const executablePath = binaries.find((path) => existsSync(path))
  if (executablePath === undefined)
    throw new Error('Chromium is missing. On Debian: apt-get install chromium')
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-browser-'))
  const demo = await Demo.start({ folder: join(folder, 'demo'), nginx: false, port: 0 })
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
  ]
  const browser = await chromium.launch({ executablePath, args })
  t.teardown(async () => {
    await browser.close()
    await demo.close()
    await rm(folder, { recursive: true, force: true })
  })
  const open = async (holder: Holder | null, options: BrowserContextOptions = {}): Promise<Page> => {
    const certificate = (who: Holder) => ({
      origin: demo.publicUrl,
      certPath: demo.files.certificate(who),
      keyPath: demo.files.key(who),
    })
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      ...options,
      clientCertificates: holder === null ? [] : [certificate(holder)],
    })
    return context.newPage()
  }
  return { demo, open }
}

test('a browser with a good certificate is signed in: page, API, websocket, and no credential in it', async (t) => {
  const { demo, open } = await demoInBrowser(t)
  const page = await open('mmuser')
  t.equal((await page.goto(demo.publicUrl))?.status(), 200)
  t.match(await page.evaluate('document.cookie'), /^MMUSERID=\w{26}$/, 'the own cookie is HttpOnly')
  const names = (await page.context().cookies()).map(({ name }) => name).sort()
  t.strictSame(names, ['MMUSERID', '__Host-mattergate'])
  const me = await page.evaluate('fetch("/api/v4/users/me").then((answer) => answer.json())')
  t.match(me, { username: 'mmuser' })
  const event = await page.evaluate(`new Promise((resolve, reject) => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/api/v4/websocket')
    socket.onmessage = ({ data }) => resolve(JSON.parse(data).event)
    socket.onclose = () => reject(new Error('closed'))
  })`)
  t.equal(event, 'hello')
  await page.goto(`${demo.publicUrl}/.mattergate/whoami`)
  t.match(await page.textContent('main'), /mmuser@mattermost\.com/)
})

test('a refusal is a page that a phone and a screen reader can read, and that breaks none of its own rules', async (t) => {
  const { demo, open } = await demoInBrowser(t)
  const cases: [Holder | null, number, string][] = [
    ['expired', 403, 'certificate_expired'],
    ['stranger', 403, 'chain_untrusted'],
    [null, 401, 'certificate_missing'],
  ]
  for (const [holder, status, code] of cases) {
    const page = await open(holder, { viewport: { width: 360, height: 640 }, colorScheme: 'dark' })
    const violations: string[] = []
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) violations.push(message.text())
    })
    t.equal((await page.goto(demo.publicUrl))?.status(), status, code)
    t.equal(await page.textContent('code'), code)
    t.equal(await page.locator('h1').count(), 1)
    t.equal(await page.getAttribute('html', 'lang'), 'en')
    t.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, 'fits a phone')
    t.not(
      await page.evaluate('getComputedStyle(document.querySelector("main")).backgroundColor'),
      'rgb(255, 255, 255)',
      'its style is applied, and it is dark where the reader wants it so',
    )
    t.strictSame(violations, [])
    await page.context().close()
  }
})

test('another site’s image, frame, fetch or form does not act in the user’s name', async (t) => {
  const { demo, open } = await demoInBrowser(t)
  const page = await open('mmuser')
  // Another site: the name differs, the page is made up by the test.
  await page.route('https://evil.example/**', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<img src="${demo.publicUrl}/plugins/echo/image">
        <iframe src="${demo.publicUrl}/plugins/echo/frame"></iframe>
        <form method="post" action="${demo.publicUrl}/plugins/echo/form"></form>`,
    }),
  )
  await page.goto('https://evil.example/')
  await page.evaluate(`fetch("${demo.publicUrl}/plugins/echo/fetch", { mode: "no-cors" }).then(() => null)`)
  await Promise.all([
    page.waitForResponse((response) => response.url().endsWith('/form')),
    page.evaluate('document.forms[0].submit()'),
  ])
  // The browser hides some of the answers even from its own tools; the audit holds every decision.
  const decided = async () => {
    const lines = (await readFile(demo.auditFile, 'utf8')).trim().split('\n')
    const events = lines.map(
      (line) => JSON.parse(line) as { path?: string; reason?: string; decision?: string },
    )
    return events.filter(({ path }) => path?.startsWith('/plugins/echo/') === true)
  }
  const events = await eventually(decided, ({ length }) => length === 4)
  const paths = events.map(({ path }) => path?.replace('/plugins/echo/', '')).sort()
  t.strictSame(paths, ['fetch', 'form', 'frame', 'image'])
  t.ok(events.every(({ decision, reason }) => decision === 'refuse' && reason === 'cross_site'))
})
