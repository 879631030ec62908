// Real responders on loopback: `openssl ocsp`, and own ones that are slow, lie, turn or are down.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { contextPrimitive, objectIdentifier, sequence } from '../../src/pki/der-writer.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { userExtensions } from '../../src/pki/profiles.js'
import { Fetcher } from '../../src/revocation/fetch/fetcher.js'
import { OcspSource } from '../../src/revocation/ocsp/ocsp-source.js'
import { inPlace } from '../../src/x509/path-status.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { freePort } from '../support/free-port.js'
import { failureAnswer, makeResponse, parsed, type SingleOptions } from '../support/ocsp-response.js'
import { openOpensslResponder } from '../support/openssl-responder.js'

const atMs = Math.floor(Date.now() / 1000) * 1000
const minuteMs = 60_000
const ca = await makeCa('OCSP CA')
const [alice, bob, carol] = await Promise.all([makeUser(ca), makeUser(ca), makeUser(ca)])

const trust = {
  name: 't',
  anchors: [parsed(ca)],
  intermediates: [],
  require: { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: null, policies: anyPolicies },
} as const

function question(of: IssuedCertificate, nowMs = atMs) {
  const certificate = parsed(of)
  const path = { anchor: parsed(ca), certificates: [certificate], unchecked: [] }
  return { certificate, issuer: parsed(ca), trust, atMs: nowMs, path, presented: [], aside: inPlace }
}

function openSource(t: Test, responder: string | null, allow = ['127.0.0.1'], isPrivate = true) {
  const fetcher = new Fetcher({ allow, private: isPrivate })
  const told = { count: 0 }
  const source = new OcspSource({ fetcher, responder, onChange: () => (told.count += 1) })
  t.teardown(async () => {
    source.close()
    await fetcher.close()
  })
  return { source, fetcher, told }
}

interface Asked {
  readonly body: Buffer
  readonly response: ServerResponse
}

/** A responder of our own; what it was asked last stands at the end. */
async function openResponder(t: Test, answer: (asked: Asked) => void | Promise<void>) {
  const asked: Buffer[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      asked.push(body)
      void answer({ body, response })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(stop)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ocsp`, asked, stop }
}

function send(response: ServerResponse, der: Uint8Array, type = 'application/ocsp-response'): void {
  response.writeHead(200, { 'content-type': type }).end(der)
}

function says(status: 'good' | 'revoked' | 'unknown', more: Partial<SingleOptions> = {}, signer = ca) {
  return makeResponse({ atMs, signer, singles: [{ of: alice, issuer: ca, status, ...more }] })
}

test('believes a real openssl responder: good, revoked and unknown', async (t) => {
  const url = await openOpensslResponder(t, { ca, good: [alice], revoked: [bob] })
  const { source } = openSource(t, url)
  t.match(await source.status(question(alice, Date.now())), { kind: 'good', source: url })
  t.match(await source.status(question(bob, Date.now())), { kind: 'revoked' })
  t.match(await source.status(question(carol, Date.now())), { kind: 'unknown' })
})

test('does not believe a responder that lies, has no answer or is down', async (t) => {
  const twin = await makeCa('OCSP CA')
  const stale = { thisUpdate: atMs - 90 * minuteMs, nextUpdate: atMs - 30 * minuteMs }
  const nonce = Buffer.alloc(32, 7)
  const lies: [string, () => Promise<Uint8Array>, string?][] = [
    ['another signer', () => says('good', {}, twin)],
    ['another serial', () => says('good', { of: bob })],
    ['an old answer', () => says('good', stale)],
    ['another nonce', () => makeResponse({ atMs, signer: ca, singles: [{ of: alice, issuer: ca }], nonce })],
    ['tryLater', () => Promise.resolve(failureAnswer(3))],
    ['a page', () => Promise.resolve(Buffer.from('<html>')), 'text/html'],
    ['a right answer of another type', () => says('good'), 'text/plain'],
    ['no answer', () => Promise.resolve(Buffer.alloc(0))],
    ['too much', () => Promise.resolve(Buffer.alloc(70_000))],
  ]
  for (const [what, make, type] of lies) {
    const { url } = await openResponder(t, async ({ response }) => send(response, await make(), type))
    t.match(await openSource(t, url).source.status(question(alice)), { kind: 'unknown', source: url }, what)
  }
  const down = `http://127.0.0.1:${await freePort()}/`
  const { detail, kind } = await openSource(t, down).source.status(question(alice))
  t.equal(kind, 'unknown')
  t.match(detail, /unreachable/)
  const { url } = await openResponder(t, async ({ response }) => send(response, await says('good')))
  t.match(await openSource(t, url).source.status(question(alice)), { kind: 'good' }, 'the twin that passes')
})

test('a responder that hangs holds up nobody whose status is known, and ends with the source', async (t) => {
  const hanging: ServerResponse[] = []
  const serial = Buffer.from(bob.serial, 'hex')
  const { url, asked } = await openResponder(t, async ({ body, response }) => {
    if (body.includes(serial)) hanging.push(response)
    else send(response, await says('good'))
  })
  const { source, fetcher } = openSource(t, url)
  t.match(await source.status(question(alice)), { kind: 'good' })
  const waiting = [source.status(question(bob)), source.status(question(bob))]
  await eventually(
    () => hanging.length,
    (count) => count > 0,
  )
  const first = await Promise.race([...waiting, source.status(question(alice))])
  t.equal(first.kind, 'good')
  t.equal(asked.length, 2, 'who asks the same waits for the same answer')
  source.close()
  await fetcher.close()
  for (const status of await Promise.all(waiting)) t.match(status, { kind: 'unknown', detail: /closed/ })
})

test('asks again ahead of the end, and tells when a good certificate is revoked', async (t) => {
  let answer = () => says('good', { nextUpdate: atMs + 40 * minuteMs })
  const { url, asked } = await openResponder(t, async ({ response }) => send(response, await answer()))
  const { source, told } = openSource(t, url)
  t.match(await source.status(question(alice)), { kind: 'good', validUntil: atMs + 40 * minuteMs })
  await source.refreshDue(atMs + minuteMs)
  t.equal(asked.length, 1, 'nothing is due')
  const thisUpdate = atMs + 20 * minuteMs
  answer = () => says('revoked', { thisUpdate, nextUpdate: atMs + 60 * minuteMs })
  await source.refreshDue(atMs + 21 * minuteMs)
  t.equal(asked.length, 2)
  t.same([told.count, source.version], [1, 1])
  t.match(await source.status(question(alice, atMs + 21 * minuteMs)), { kind: 'revoked' })
  answer = () => says('good', { thisUpdate: atMs, nextUpdate: atMs + 900 * minuteMs })
  await source.refreshDue(atMs + 50 * minuteMs)
  t.equal(asked.length, 3)
  t.match(await source.status(question(alice, atMs + 50 * minuteMs)), { kind: 'revoked' }, 'an older answer')
  t.match(await source.status(question(alice, atMs + 70 * minuteMs)), { kind: 'revoked' }, 'past its end too')
  answer = () => says('good', { thisUpdate: atMs + 71 * minuteMs, nextUpdate: atMs + 90 * minuteMs })
  t.match(await source.status(question(alice, atMs + 72 * minuteMs)), { kind: 'good' }, 'a hold that ended')
  await source.refreshDue(atMs + 900 * minuteMs)
  t.equal(asked.length, 5, 'what nobody wants is not asked again')
})

test('keeps a good answer to its end while the responder is down, and not longer', async (t) => {
  const responder = await openResponder(t, async ({ response }) => send(response, await says('good')))
  const { source, told } = openSource(t, responder.url)
  const [later, end] = [atMs + 50 * minuteMs, atMs + 60 * minuteMs]
  t.match(await source.status(question(alice)), { kind: 'good', validUntil: end })
  t.match(source.conditions, [{ url: responder.url, answeredAt: atMs, failedAt: null, failure: null }])
  responder.stop()
  await source.refreshDue(later)
  t.match(source.conditions, [{ answeredAt: atMs, failure: /unreachable/ }])
  t.match(await source.status(question(alice, later)), { kind: 'good' })
  t.match(await source.status(question(alice, end)), { kind: 'good' })
  t.equal(told.count, 0)
  t.match(await source.status(question(alice, end + 1)), { kind: 'unknown' })
  t.equal(told.count, 1)
})

test('a good certificate that the responder knows no more is good no longer', async (t) => {
  let answer = () => says('good')
  const { url } = await openResponder(t, async ({ response }) => send(response, await answer()))
  const { source, told } = openSource(t, url)
  t.match(await source.status(question(alice)), { kind: 'good' })
  answer = () => says('unknown', { thisUpdate: atMs + 10 * minuteMs })
  await source.refreshDue(atMs + 20 * minuteMs)
  t.match(await source.status(question(alice, atMs + 20 * minuteMs)), { kind: 'unknown' })
  t.equal(told.count, 1)
})

test('asks whom the certificate names only where its host and address are allowed', async (t) => {
  const { url, asked } = await openResponder(t, async ({ response }) => {
    send(response, await makeResponse({ atMs, signer: ca, singles: [{ of: dave, issuer: ca }] }))
  })
  const access = (method: string, location: string) =>
    sequence(objectIdentifier(`1.3.6.1.5.5.7.48.${method}`), contextPrimitive(6, Buffer.from(location)))
  const value = sequence(access('2', 'http://127.0.0.1:1/ca.crt'), access('1', url))
  const authorityInfoAccess = { type: '1.3.6.1.5.5.7.1.1', critical: false, value }
  const dave = await makeUser(ca, {
    extensions: [...userExtensions({ email: 'dave@mattermost.com' }), authorityInfoAccess],
  })
  const of = async (allow: string[], isPrivate: boolean, who = dave) =>
    openSource(t, null, allow, isPrivate).source.status(question(who))
  t.match(await of([], true), { kind: 'unknown', detail: /host_not_allowed/ })
  t.match(await of(['127.0.0.1:1'], true), { kind: 'unknown', detail: /host_not_allowed/ })
  t.match(await of(['127.0.0.1'], false), { kind: 'unknown', detail: /address_refused/ })
  t.match(await of(['127.0.0.1'], true, alice), { kind: 'unknown', source: null }, 'one that names nobody')
  t.equal(asked.length, 0)
  t.match(await of(['127.0.0.1'], true), { kind: 'good', source: url })
})
