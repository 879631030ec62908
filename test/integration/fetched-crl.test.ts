// CRLs by URL in the running gateway, from a real HTTP server on loopback.
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer, get, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { userExtensions } from '../../src/pki/profiles.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { logLines } from '../support/log-lines.js'
import { distributionPoints, type ListOptions, listPem, makeList } from '../support/revocation-list.js'
import { escaped, publicUrl, type Running, startRunning } from '../support/running-gateway.js'

interface Authority {
  readonly url: string
  readonly port: number
  /** How often each address was asked for. */
  readonly asked: Map<string, number>
  /** What is offered at an address; a function answers by itself. */
  readonly offers: Map<string, Uint8Array | ((response: ServerResponse) => void)>
  stop(): void
}

async function openAuthority(t: Test): Promise<Authority> {
  const offers: Authority['offers'] = new Map()
  const asked = new Map<string, number>()
  const server = createServer(({ url = '' }, response) => {
    asked.set(url, (asked.get(url) ?? 0) + 1)
    const offered = offers.get(url)
    if (typeof offered === 'function') offered(response)
    else if (offered === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'application/pkix-crl' }).end(offered)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(stop)
  return { url: `http://127.0.0.1:${port}`, port, asked, offers, stop }
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

/** Due again after one to two seconds. */
const soon = () => ({ nextUpdate: new Date(Date.now() + 3_000) })

const ca = await makeCa('Fetched CA')

function start(t: Test, revocation: string, more: Parameters<typeof startRunning>[1] = {}): Promise<Running> {
  return startRunning(t, {
    caPem: ca.pem,
    yaml: { trust: `[{ name: staff, ca: ca.crt, revocation: ${revocation} }]` },
    ...more,
  })
}

const configured = ({ url }: Authority) => `{ mode: crl, crl: ["${url}/ca.crl"], fetch: { private: true } }`
const named = '{ mode: crl, fetch: { allow: [127.0.0.1], private: true } }'

const pointing = (uri: string) => [...userExtensions(), distributionPoints([{ name: [{ uri }] }])]

/** Somebody whose certificate says where lists about it are. */
function makePointed(uri: string, more: Parameters<typeof makeUser>[1] = {}): Promise<IssuedCertificate> {
  return makeUser(ca, {
    ...more,
    extensions: pointing(uri),
  })
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

test('a list is fetched, and anew ahead of its end: who turns up on it is out, with his websocket and token', async (t) => {
  const authority = await openAuthority(t)
  authority.offers.set('/ca.crl', await fresh({ issuer: ca, ...soon() }))
  const running = await start(t, configured(authority))
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
  const closed = once(sockets[0], 'close')
  authority.offers.set('/ca.crl', await fresh({ issuer: ca, revoked: [{ serial: mine.serial, reason: 1 }] }))
  t.equal((await closed)[0], 4401)
  t.equal(await codeOf(running, mine), 'certificate_revoked')
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

test('an authority that is down keeps nobody out whose list is at hand, after a restart neither', async (t) => {
  const authority = await openAuthority(t)
  authority.offers.set('/ca.crl', await fresh({ issuer: ca }))
  const running = await start(t, configured(authority))
  const user = await makeUser(ca)
  t.equal(await codeOf(running, user), 'allowed')
  const kept = await eventually(
    () => readdir(join(running.folder, 'store/crl')).catch(() => []),
    (files) => files.length === 1,
  )
  t.match(kept, [/^[0-9a-f]{64}\.crl$/])
  authority.stop()
  await running.restart()
  t.equal(await codeOf(running, user), 'allowed', 'by the list on disk')
  await writeFile(join(running.folder, 'store/crl', kept[0] ?? ''), 'damaged')
  await running.restart()
  t.equal(await codeOf(running, user), 'revocation_unknown', 'what is damaged is not believed')
})

test('until there is a list nobody is let in, and then without a restart', async (t) => {
  const authority = await openAuthority(t)
  const running = await start(t, configured(authority))
  const user = await makeUser(ca)
  t.equal(await codeOf(running, user), 'revocation_unknown')
  t.match((await running.audit()).at(-1), { reason: 'revocation_unknown' })
  authority.offers.set('/ca.crl', await fresh({ issuer: ca }))
  t.equal(await becomes(running, user, 'allowed'), 'allowed')
})

test('where nothing is known and that is allowed, a list that comes later ends what is open', async (t) => {
  const authority = await openAuthority(t)
  const running = await start(
    t,
    `{ mode: crl, crl: ["${authority.url}/ca.crl"], whenUnknown: allow, fetch: { private: true } }`,
  )
  const user = await makeUser(ca)
  t.equal(await codeOf(running, user), 'allowed')
  authority.offers.set('/ca.crl', await fresh({ issuer: ca, revoked: [{ serial: user.serial }] }))
  t.equal(await becomes(running, user, 'certificate_revoked'), 'certificate_revoked')
})

test('what is older, or of another authority, is never taken', async (t) => {
  const authority = await openAuthority(t)
  const user = await makeUser(ca)
  const before = await fresh({ issuer: ca })
  authority.offers.set('/ca.crl', await fresh({ issuer: ca, revoked: [{ serial: user.serial }], ...soon() }))
  const running = await start(t, configured(authority))
  t.equal(await codeOf(running, user), 'certificate_revoked')
  const stranger = await makeCa('Fetched CA')
  const forged = await fresh({ issuer: stranger, number: 0x7fffffff })
  for (const offer of [before, forged]) {
    const count = authority.asked.get('/ca.crl') ?? 0
    authority.offers.set('/ca.crl', offer)
    await eventually(
      () => authority.asked.get('/ca.crl') ?? 0,
      (asked) => asked > count,
    )
    t.equal(await codeOf(running, user), 'certificate_revoked', 'what came before holds')
  }
  authority.offers.set('/ca.crl', await fresh({ issuer: ca }))
  t.equal(await becomes(running, user, 'allowed'), 'allowed', 'the forged number did no harm')
})

test("a certificate's own distribution point is fetched from where that is allowed, once for all that name it", async (t) => {
  const authority = await openAuthority(t)
  authority.offers.set('/named.crl', await fresh({ issuer: ca }))
  const running = await start(t, named)
  const users = await Promise.all(
    ['mmuser', 'alice'].map((name) =>
      makePointed(`${authority.url}/named.crl`, { commonName: name, email: `${name}@mattermost.com` }),
    ),
  )
  t.strictSame(await Promise.all(users.map((user) => codeOf(running, user))), ['allowed', 'allowed'])
  t.equal(authority.asked.get('/named.crl'), 1)
  authority.stop()
  await running.restart()
  const [user] = users
  if (user === undefined) throw new Error('nobody')
  t.equal(await codeOf(running, user), 'allowed', 'by the list on disk')
})

test('no host is asked that is not allowed, and none before the path is valid', async (t) => {
  const authority = await openAuthority(t)
  authority.offers.set('/named.crl', await fresh({ issuer: ca }))
  const uri = `${authority.url}/named.crl`
  const elsewhere = await start(t, '{ mode: crl, fetch: { allow: [pki.example.com], private: true } }')
  t.equal(await codeOf(elsewhere, await makePointed(uri)), 'revocation_unknown')
  const inside = await start(t, '{ mode: crl, fetch: { allow: [127.0.0.1] } }')
  t.equal(await codeOf(inside, await makePointed(uri)), 'revocation_unknown')
  const running = await start(t, named)
  const stranger = await makeCa('Fetched CA')
  const foreign = await makeUser(stranger, {
    extensions: pointing(uri),
  })
  t.equal(await codeOf(running, foreign), 'chain_untrusted')
  t.equal(authority.asked.size, 0)
})

test('an authority that hangs holds up nobody whose status is known, and a redirect is not followed', async (t) => {
  const authority = await openAuthority(t)
  const held: ServerResponse[] = []
  authority.offers.set('/hangs.crl', (response) => held.push(response))
  authority.offers.set('/ca.crl', await fresh({ issuer: ca }))
  authority.offers.set('/moved.crl', (response) =>
    response.writeHead(302, { location: `${authority.url}/ca.crl` }).end(),
  )
  const sub = await makeCa('Sub', { issuer: ca })
  const running = await start(t, '', {
    yaml: {
      trust: `[{ name: staff, ca: ca.crt, intermediates: sub.pem, revocation: { mode: crl, crl: ["${authority.url}/ca.crl"], fetch: { allow: [127.0.0.1], private: true } } }]`,
      limits: '{ verifyConcurrency: 1 }',
    },
    files: { 'sub.pem': sub.pem },
  })
  const below = (uri: string) => makeUser(sub, { extensions: pointing(uri) })
  const waiting = codeOf(running, await below(`${authority.url}/hangs.crl`))
  await eventually(
    () => held.length,
    (count) => count === 1,
  )
  let isOver = false
  void waiting.then(() => {
    isOver = true
  })
  t.equal(await codeOf(running, await makeUser(ca)), 'allowed')
  t.equal(isOver, false)
  t.equal(await waiting, 'revocation_unknown')
  t.equal(await codeOf(running, await below(`${authority.url}/moved.crl`)), 'revocation_unknown')
})

test('a list in PEM is read as well', async (t) => {
  const authority = await openAuthority(t)
  authority.offers.set('/ca.crl', Buffer.from(listPem(await fresh({ issuer: ca }))))
  const running = await start(t, configured(authority))
  t.equal(await codeOf(running, await makeUser(ca)), 'allowed')
})

test('log, readiness and metrics say which list is late, from where, and that it is well again', async (t) => {
  const { log, lines } = logLines()
  const authority = await openAuthority(t)
  const running = await start(t, '', {
    yaml: {
      trust: `[{ name: staff, ca: ca.crt, revocation: ${configured(authority)} }]`,
      metrics: '{ socket: metrics.sock }',
    },
    log,
  })
  const see = async (path: string): Promise<string> => {
    const socket = join(running.folder, 'metrics.sock')
    return new Promise((resolve, reject) => {
      const options = { socketPath: socket, path, agent: false, headers: { Host: 'localhost' } }
      get(options, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve(text))
      }).once('error', reject)
    })
  }
  const sees = (path: string, what: RegExp) =>
    eventually(
      () => see(path),
      (text) => what.test(text),
    )
  const missing =
    /"status":"degraded".*"crl_late","message":"trust staff: no CRL from http:[^"]*: bad_status"/
  t.match(await sees('/readyz', missing), missing)
  t.match(
    await see('/metrics'),
    /mattergate_revocation_source_up\{trust="staff",kind="crl",url="http[^}]*\} 0/,
  )
  authority.offers.set('/ca.crl', await fresh({ issuer: ca }))
  t.match(await sees('/readyz', /"status":"ready"/), /"status":"ready","reasons":\[\]/)
  const up = /mattergate_revocation_source_up\{[^}]*\} 1\n/
  t.match(await sees('/metrics', up), up)
  t.match(
    await see('/metrics'),
    /mattergate_crl_next_update_timestamp_seconds\{trust="staff",issuer="CN=Fetched CA,O=Mattermost"\} \d{10}/,
  )
  const told = lines.filter(({ msg }) => /CRL/.test(String(msg)))
  t.match(told, [
    { level: 40, trust: 'staff', failure: 'bad_status', msg: /no CRL can be had/ },
    { level: 30, msg: /again/ },
  ])
  t.equal(told.length, 2)
})
