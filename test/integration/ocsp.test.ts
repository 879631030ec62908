// OCSP in the running gateway: a real `openssl ocsp`, and own responders that turn, hang, lie or are down.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { WebSocket } from 'ws'
import { contextPrimitive, objectIdentifier, sequence } from '../../src/pki/der-writer.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { userExtensions } from '../../src/pki/profiles.js'
import { makeCa, makeUser, type UserOptions } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { freePort } from '../support/free-port.js'
import { makeResponse, type ResponseOptions, type SingleOptions } from '../support/ocsp-response.js'
import { openOpensslResponder } from '../support/openssl-responder.js'
import { listPem, makeList } from '../support/revocation-list.js'
import { escaped, publicUrl, type Running, startRunning } from '../support/running-gateway.js'

const ca = await makeCa('OCSP CA')

type Answer = () => Uint8Array | Promise<Uint8Array>

interface Responder {
  readonly url: string
  readonly port: number
  /** Requests that came. */
  readonly asked: Buffer[]
  /** By certificate; of others it says nothing. */
  readonly answers: Map<IssuedCertificate, Answer>
  /** Answers that are held back, as by a responder that hangs. */
  readonly held: ServerResponse[]
  readonly hanging: Set<IssuedCertificate>
  stop(): void
}

/** @param port zero: a free one */
async function openResponder(t: Test, port = 0): Promise<Responder> {
  const answers: Responder['answers'] = new Map()
  const hanging: Responder['hanging'] = new Set()
  const asked: Buffer[] = []
  const held: ServerResponse[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      asked.push(body)
      const isAbout = (of: IssuedCertificate) => body.includes(Buffer.from(of.serial, 'hex'))
      const [, answer] = [...answers].find(([of]) => isAbout(of)) ?? []
      if ([...hanging].some(isAbout)) held.push(response)
      else if (answer === undefined) response.writeHead(404).end()
      else
        void Promise.resolve(answer()).then((der) =>
          response.writeHead(200, { 'content-type': 'application/ocsp-response' }).end(der),
        )
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(stop)
  const { port: bound } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${bound}/ocsp`, port: bound, asked, answers, held, hanging, stop }
}

/** What the authority says of a certificate, from now on. */
function says(
  of: IssuedCertificate,
  single: Partial<SingleOptions> = {},
  more: Partial<ResponseOptions> = {},
): Answer {
  return () => {
    const atMs = Math.floor(Date.now() / 1_000) * 1_000
    const singles = [{ of, issuer: ca, thisUpdate: atMs, nextUpdate: atMs + 3_600_000, ...single }]
    return makeResponse({ atMs, signer: ca, producedAt: atMs, singles, ...more })
  }
}

/** Asked for again after a second. */
const soon = () => ({ nextUpdate: Math.floor(Date.now() / 1_000) * 1_000 + 6_000 })

function start(t: Test, revocation: string, files: Record<string, string> = {}): Promise<Running> {
  return startRunning(t, {
    ...{ caPem: ca.pem, files },
    yaml: {
      trust: `[{ name: staff, ca: ca.crt, revocation: ${revocation} }]`,
      limits: '{ verifyConcurrency: 1 }',
    },
  })
}

const by = ({ url }: { readonly url: string }, more = '') =>
  `{ mode: ocsp, responder: "${url}", fetch: { private: true }${more} }`

async function codeOf(running: Running, certificate: IssuedCertificate): Promise<string> {
  const { status, text } = await running.send({ certificate })
  return status === 200 ? 'allowed' : (/mattergate\.(\w+)/.exec(text)?.[1] ?? '')
}

const becomes = (running: Running, certificate: IssuedCertificate, code: string) =>
  eventually(
    () => codeOf(running, certificate),
    (found) => found === code,
  )

const alice = { commonName: 'alice', email: 'alice@mattermost.com' }

test('a real openssl responder: who is good gets in, who is revoked or not known to it does not', async (t) => {
  const [good, revoked, strange] = await Promise.all([makeUser(ca), makeUser(ca), makeUser(ca)])
  const url = await openOpensslResponder(t, { ca, good: [good], revoked: [revoked] })
  const running = await start(t, by({ url }))
  t.equal(await codeOf(running, good), 'allowed')
  t.equal(await codeOf(running, revoked), 'certificate_revoked')
  t.equal(await codeOf(running, strange), 'revocation_unknown')
})

test('who turns from good to revoked is out, with websocket and token; others stay', async (t) => {
  const responder = await openResponder(t)
  const running = await start(t, by(responder))
  const [mine, other] = [await makeUser(ca), await makeUser(ca, alice)]
  responder.answers.set(mine, says(mine, soon()))
  responder.answers.set(other, says(other))
  const open = (certificate: IssuedCertificate) =>
    new WebSocket(`ws+unix:${running.gateway.address}:/api/v4/websocket`, {
      headers: { Host: 'chat.example.com', Origin: publicUrl, 'X-SSL-Client-Cert': escaped(certificate) },
    })
  const sockets = [open(mine), open(other)] as const
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  t.equal(running.standin.tokensOf('mmuser').length, 1)
  const closed = once(sockets[0], 'close')
  responder.answers.set(mine, says(mine, { status: 'revoked' }))
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

test('a responder that is down lets nobody in, or everybody where that is allowed; once it is up it is asked', async (t) => {
  const port = await freePort()
  const user = await makeUser(ca)
  const down = { url: `http://127.0.0.1:${port}/ocsp` }
  const [strict, lenient] = [await start(t, by(down)), await start(t, by(down, ', whenUnknown: allow'))]
  t.equal(await codeOf(strict, user), 'revocation_unknown')
  t.equal(await codeOf(lenient, user), 'allowed')
  const responder = await openResponder(t, port)
  responder.answers.set(user, says(user, { status: 'revoked' }))
  t.equal(await becomes(strict, user, 'certificate_revoked'), 'certificate_revoked')
  t.equal(await becomes(lenient, user, 'certificate_revoked'), 'certificate_revoked')
})

test('a responder that hangs holds up nobody whose status is known, be his verdict at hand or not', async (t) => {
  const responder = await openResponder(t)
  const running = await start(t, by(responder))
  const [known, waiting] = [await makeUser(ca), await makeUser(ca, alice)]
  responder.answers.set(known, says(known))
  responder.hanging.add(waiting)
  t.equal(await codeOf(running, known), 'allowed')
  let isOver = false
  const held = codeOf(running, waiting).finally(() => {
    isOver = true
  })
  await eventually(
    () => responder.held.length,
    (count) => count === 1,
  )
  t.equal(await codeOf(running, known), 'allowed')
  // The same certificate in other words is verified anew: there is one place for that, and it is free.
  const headers = { 'X-SSL-Client-Cert': `${escaped(known)}%0A` }
  t.equal((await running.send({ certificate: null, headers })).status, 200)
  t.equal(responder.asked.length, 2)
  t.equal(isOver, false)
  t.equal(await held, 'revocation_unknown')
})

test('a responder that lies is not believed', async (t) => {
  const responder = await openResponder(t)
  const running = await start(t, by(responder))
  const twin = await makeCa('OCSP CA')
  const stranger = await makeUser(ca, alice)
  const lies: [string, (of: IssuedCertificate) => Answer][] = [
    ['another signer', (of) => says(of, {}, { signer: twin })],
    ['of another certificate', (of) => says(of, { of: stranger })],
    ['with another nonce', (of) => says(of, {}, { nonce: Buffer.alloc(32, 7) })],
    ['no response at all', () => () => Buffer.from('<html>')],
  ]
  for (const [what, lie] of lies) {
    const user = await makeUser(ca)
    responder.answers.set(user, lie(user))
    t.equal(await codeOf(running, user), 'revocation_unknown', what)
  }
  const user = await makeUser(ca)
  responder.answers.set(user, says(user))
  t.equal(await codeOf(running, user), 'allowed', 'and one that tells the truth is')
})

test('where no responder answers, the CRL speaks', async (t) => {
  const [good, revoked] = [await makeUser(ca), await makeUser(ca)]
  const now = Date.now()
  const list = await makeList({
    ...{ issuer: ca, revoked: [{ serial: revoked.serial }] },
    ...{ thisUpdate: new Date(now - 60_000), nextUpdate: new Date(now + 3_600_000) },
  })
  const responder = await openResponder(t)
  const running = await start(
    t,
    `{ mode: ocsp-then-crl, responder: "${responder.url}", crl: [staff.crl], fetch: { private: true } }`,
    { 'staff.crl': listPem(list) },
  )
  t.equal(await codeOf(running, good), 'allowed')
  t.equal(await codeOf(running, revoked), 'certificate_revoked')
  const known = await makeUser(ca)
  responder.answers.set(known, says(known, { status: 'revoked' }))
  t.equal(await codeOf(running, known), 'certificate_revoked', 'the responder first')
})

test("a certificate's own responder is asked where that is allowed, and none before the path is valid", async (t) => {
  const responder = await openResponder(t)
  const access = sequence(
    objectIdentifier('1.3.6.1.5.5.7.48.1'),
    contextPrimitive(6, Buffer.from(responder.url)),
  )
  const extensions = [
    ...userExtensions(),
    { type: '1.3.6.1.5.5.7.1.1', critical: false, value: sequence(access) },
  ]
  const make = async (issuer: IssuedCertificate, more: UserOptions = {}) => {
    const user = await makeUser(issuer, { extensions, ...more })
    responder.answers.set(user, says(user))
    return user
  }
  const user = await make(ca)
  const elsewhere = await start(t, '{ mode: ocsp, fetch: { allow: [ocsp.example.com], private: true } }')
  t.equal(await codeOf(elsewhere, user), 'revocation_unknown')
  const inside = await start(t, '{ mode: ocsp, fetch: { allow: [127.0.0.1] } }')
  t.equal(await codeOf(inside, user), 'revocation_unknown')
  const running = await start(t, '{ mode: ocsp, fetch: { allow: [127.0.0.1], private: true } }')
  t.equal(await codeOf(running, await make(await makeCa('OCSP CA'))), 'chain_untrusted')
  const past = { notBefore: new Date(Date.now() - 172_800_000), notAfter: new Date(Date.now() - 86_400_000) }
  t.equal(await codeOf(running, await make(ca, past)), 'certificate_expired')
  t.equal(responder.asked.length, 0)
  t.equal(await codeOf(running, user), 'allowed')
  t.equal(responder.asked.length, 1)
})
