// CRL files in the running gateway: believed, watched, remembered, and acting on what is open.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import { loadConfig } from '../../src/config/load.js'
import { explain } from '../../src/explain/explain.js'
import { openExplainer } from '../../src/explain/open-explainer.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { logLines } from '../support/log-lines.js'
import { type ListOptions, listPem, makeList } from '../support/revocation-list.js'
import { escaped, publicUrl, type Running, startRunning } from '../support/running-gateway.js'

interface Listed {
  readonly running: Running
  readonly ca: IssuedCertificate
  /** Writes a list to the file, whole, as a cron job should. */
  readonly write: (options: Partial<ListOptions>, file?: string) => Promise<void>
}

let numbers = 0

function fresh(options: Partial<ListOptions> & Pick<ListOptions, 'issuer'>): Promise<Uint8Array> {
  numbers += 1
  const now = Date.now()
  return makeList({
    thisUpdate: new Date(now - 60_000 + numbers),
    nextUpdate: new Date(now + 3_600_000),
    number: numbers,
    ...options,
  })
}

async function startListed(
  t: Test,
  revocation = '{ mode: crl, crl: [staff.crl] }',
  log = logLines().log,
): Promise<Listed> {
  const ca = await makeCa('Listed CA')
  const running = await startRunning(t, {
    ...{ log, caPem: ca.pem, files: { 'staff.crl': listPem(await fresh({ issuer: ca })) } },
    yaml: { trust: `[{ name: staff, ca: ca.crt, revocation: ${revocation} }]` },
  })
  const write = async (options: Partial<ListOptions>, file = 'staff.crl') => {
    const path = join(running.folder, file)
    await writeFile(`${path}.new`, listPem(await fresh({ issuer: ca, ...options })))
    await rename(`${path}.new`, path)
  }
  return { running, ca, write }
}

async function codeOf(running: Running, certificate: IssuedCertificate): Promise<string> {
  const { status, text } = await running.send({ certificate })
  return status === 200 ? 'allowed' : (/mattergate\.(\w+)/.exec(text)?.[1] ?? '')
}

const becomes = (running: Running, certificate: IssuedCertificate, code: string) =>
  eventually(
    () => codeOf(running, certificate),
    (found) => found === code,
  )

test('a certificate that a new list names is refused, its websocket ends, its token goes; others stay', async (t) => {
  const { running, ca, write } = await startListed(t)
  const [mine, other] = [
    await makeUser(ca),
    await makeUser(ca, { commonName: 'alice', email: 'alice@mattermost.com' }),
  ]
  const open = (certificate: IssuedCertificate) =>
    new WebSocket(`ws+unix:${running.gateway.address}:/api/v4/websocket`, {
      headers: { Host: 'chat.example.com', Origin: publicUrl, 'X-SSL-Client-Cert': escaped(certificate) },
    })
  const sockets = [open(mine), open(other)] as const
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  t.equal(running.standin.tokensOf('mmuser').length, 1)
  const closed = once(sockets[0], 'close')
  await write({ revoked: [{ serial: mine.serial, reason: 1 }] })
  t.equal((await closed)[0], 4401)
  t.equal(await becomes(running, mine, 'certificate_revoked'), 'certificate_revoked')
  t.equal(sockets[1].readyState, WebSocket.OPEN)
  t.equal(
    await eventually(
      () => running.standin.tokensOf('mmuser').length,
      (left) => left === 0,
    ),
    0,
  )
  const ended = (await running.audit()).find(({ event }) => event === 'session_end')
  t.match(ended, { reason: 'certificate_revoked' })
  sockets[1].terminate()
})

test('a list that lapses while it is in use lets nobody in, until there is a new one', async (t) => {
  const ca = await makeCa('Listed CA')
  const short = await fresh({
    issuer: ca,
    nextUpdate: new Date(Math.ceil((Date.now() + 2_500) / 1_000) * 1_000),
  })
  const running = await startRunning(t, {
    ...{ caPem: ca.pem, files: { 'staff.crl': listPem(short) } },
    yaml: { trust: '[{ name: staff, ca: ca.crt, revocation: { mode: crl, crl: [staff.crl] } }]' },
  })
  const user = await makeUser(ca)
  t.equal(await codeOf(running, user), 'allowed')
  t.equal(await becomes(running, user, 'revocation_unknown'), 'revocation_unknown')
  await writeFile(join(running.folder, 'staff.crl'), listPem(await fresh({ issuer: ca })))
  t.equal(await becomes(running, user, 'allowed'), 'allowed')
})

test('an older list never takes the place of a newer one, after a restart neither', async (t) => {
  const { running, ca, write } = await startListed(t)
  const user = await makeUser(ca)
  const before = await readFile(join(running.folder, 'staff.crl'), 'utf8')
  await write({ revoked: [{ serial: user.serial }] })
  t.equal(await becomes(running, user, 'certificate_revoked'), 'certificate_revoked')
  await writeFile(join(running.folder, 'staff.crl'), before)
  await running.gateway.reload()
  t.equal(await codeOf(running, user), 'certificate_revoked', 'what was in use goes on')
  await running.restart()
  t.equal(await codeOf(running, user), 'revocation_unknown', 'without it nothing is known')
  await write({})
  t.equal(await becomes(running, user, 'allowed'), 'allowed')
})

test('a list that is broken, or half-written, is never taken', async (t) => {
  const { log, lines } = logLines()
  const { running, ca } = await startListed(t, undefined, log)
  const user = await makeUser(ca)
  const whole = listPem(await fresh({ issuer: ca, revoked: [{ serial: user.serial }] }))
  await writeFile(join(running.folder, 'staff.crl'), whole.slice(0, -100))
  const told = await eventually(
    () => lines.find(({ msg }) => msg === 'not reloaded: what ran goes on'),
    (line) => line !== undefined,
  )
  t.match(JSON.stringify(told?.issues), /staff\.crl:\d+:1: trust staff: /)
  t.equal(await codeOf(running, user), 'allowed')
  await writeFile(join(running.folder, 'staff.crl'), whole)
  t.equal(await becomes(running, user, 'certificate_revoked'), 'certificate_revoked')
})

test('a folder of lists is read whole, in PEM and DER, and looked at as its files change', async (t) => {
  const ca = await makeCa('Listed CA')
  const sub = await makeCa('Sub', { issuer: ca })
  const user = await makeUser(sub)
  const running = await startRunning(t, {
    ...{ caPem: ca.pem, files: { 'sub.pem': sub.pem } },
    yaml: {
      trust: '[{ name: staff, ca: ca.crt, intermediates: sub.pem, revocation: { mode: crl, crl: [lists] } }]',
    },
    prepare: async (folder) => {
      await mkdir(join(folder, 'lists'))
      await writeFile(join(folder, 'lists/ca.crl'), await fresh({ issuer: ca }))
      await writeFile(join(folder, 'lists/sub.pem'), listPem(await fresh({ issuer: sub })))
      await writeFile(join(folder, 'lists/.half'), 'not looked at')
    },
  })
  t.equal(await codeOf(running, user), 'allowed')
  await writeFile(
    join(running.folder, 'lists/sub.pem'),
    await fresh({ issuer: sub, revoked: [{ serial: user.serial }] }),
  )
  t.equal(await becomes(running, user, 'certificate_revoked'), 'certificate_revoked')
  await rm(join(running.folder, 'lists/sub.pem'))
  t.equal(await becomes(running, user, 'revocation_unknown'), 'revocation_unknown')
})

test('a long list is scanned in a thread of its own', async (t) => {
  const { running, ca, write } = await startListed(t)
  const user = await makeUser(ca)
  t.equal(await codeOf(running, user), 'allowed')
  const many = Array.from({ length: 20_000 }, (_none, at) => ({ serial: (at + 0x10000000).toString(16) }))
  await write({ revoked: [...many, { serial: user.serial }] })
  t.ok((await readFile(join(running.folder, 'staff.crl'))).length > 500_000)
  t.equal(await becomes(running, user, 'certificate_revoked'), 'certificate_revoked')
})

test('explain says what revocation said, and of what age', async (t) => {
  const { running, ca, write } = await startListed(t)
  const user = await makeUser(ca)
  const ask = async () => {
    const explainer = await openExplainer(await loadConfig(running.configFile), {
      offline: true,
      storeExists: true,
    })
    const explanation = await explain({ leaf: user.der, chain: [] }, explainer)
    await explainer.close()
    return explanation.stages.find(({ stage }) => stage === 'revocation')
  }
  t.match(await ask(), { outcome: 'ok', text: /good by .*staff\.crl of \d{4}-/ })
  await write({ revoked: [{ serial: user.serial, reason: 1 }] })
  t.match(await ask(), { outcome: 'refuse', text: /revoked \d{4}-.*keyCompromise/ })
})

test("the lists that OpenSSL's ca makes are read", async (t) => {
  const { running, ca } = await startListed(t)
  const folder = join(running.folder, 'authority')
  await mkdir(folder)
  await writeFile(join(folder, 'ca.crt'), ca.pem)
  await writeFile(join(folder, 'ca.key'), ca.privateKeyPem)
  await writeFile(join(folder, 'index.txt'), '')
  await writeFile(join(folder, 'crlnumber'), 'FFFF\n')
  const settings = 'database = index.txt\ncrlnumber = crlnumber\ndefault_md = sha256\ndefault_crl_days = 2\n'
  await writeFile(join(folder, 'ca.cnf'), `[ ca ]\ndefault_ca = it\n[ it ]\n${settings}[ req ]\n`)
  const user = await makeUser(ca)
  await writeFile(join(folder, 'user.crt'), user.pem)
  const openssl = (...args: string[]) =>
    execFileSync('openssl', ['ca', '-config', 'ca.cnf', '-cert', 'ca.crt', '-keyfile', 'ca.key', ...args], {
      ...{ cwd: folder, stdio: 'pipe' },
    })
  openssl('-gencrl', '-out', '../staff.crl')
  t.equal(await becomes(running, user, 'allowed'), 'allowed')
  openssl('-revoke', 'user.crt', '-crl_reason', 'superseded')
  openssl('-gencrl', '-out', 'next.crl')
  await rename(join(folder, 'next.crl'), join(running.folder, 'staff.crl'))
  t.equal(await becomes(running, user, 'certificate_revoked'), 'certificate_revoked')
})
