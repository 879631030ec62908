// What may change while the gateway runs: by SIGHUP's reload, by files of trust, by the deny list.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { WebSocket } from 'ws'
import { verifyAuditFiles } from '../../src/audit/verify.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { logLines } from '../support/log-lines.js'
import { escaped, publicUrl, type Running, startRunning } from '../support/running-gateway.js'

const me = '/api/v4/users/me'

async function statusOf(running: Running, path = me): Promise<number> {
  return (await running.send({ path })).status
}

async function refusalOf(running: Running): Promise<unknown> {
  const { status, text } = await running.send()
  return status === 200 ? 'allowed' : (JSON.parse(text) as { id?: unknown }).id
}

async function replaceIn(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(file, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`)
  await writeFile(file, text.replace(from, to))
}

function openWebsocket(running: Running, certificate = running.mmuser): WebSocket {
  return new WebSocket(`ws+unix:${running.gateway.address}:/api/v4/websocket`, {
    headers: { Host: 'chat.example.com', Origin: publicUrl, 'X-SSL-Client-Cert': escaped(certificate) },
  })
}

function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex')
}

async function startDenying(t: Parameters<typeof startRunning>[0], log = logLines()) {
  const running = await startRunning(t, {
    ...{ log: log.log, yaml: { denyList: 'deny.txt' } },
    files: { 'deny.txt': '# nobody\n' },
  })
  return { running, deny: (text: string) => writeFile(join(running.folder, 'deny.txt'), text), ...log }
}

test('a reload takes routes, trusts and what is audited, and keeps sessions and sockets', async (t) => {
  const running = await startRunning(t)
  const socket = openWebsocket(running)
  await once(socket, 'open')
  t.equal((await running.send({ certificate: null, path: '/open/x' })).status, 401)
  await replaceIn(
    running.configFile,
    '[{ path: /hooks/*',
    '[{ path: /open/*, certificate: none }, { path: /hooks/*',
  )
  await replaceIn(running.configFile, '{ file: audit.jsonl }', '{ file: audit.jsonl, requests: refusals }')
  await running.gateway.reload()
  t.not((await running.send({ certificate: null, path: '/open/x' })).status, 401)
  const before = (await running.audit()).length
  t.equal(await statusOf(running), 200)
  t.equal((await running.audit()).length, before, 'allowed requests are no longer written')
  t.match((await running.audit()).at(-1), { event: 'reload', reason: 'reloaded' })
  t.equal(socket.readyState, WebSocket.OPEN)
  socket.terminate()
})

test('a reload that is wrong anywhere changes nothing and says what is wrong', async (t) => {
  const { log, lines } = logLines()
  const running = await startRunning(t, { log })
  const sound = await readFile(running.configFile, 'utf8')
  const wrongs: [name: string, from: string, to: string, said: RegExp][] = [
    ['an unknown key', 'routes:', 'roots: 1\nroutes:', /roots/],
    ['a CA that is not there', 'ca: ca.crt', 'ca: nowhere.crt', /nowhere\.crt/],
    ['another listener', 'socket: http.sock', 'socket: other.sock', /listen cannot change while running/],
    ['another store', 'path: store', 'path: other', /sessions cannot change while running/],
    ['not YAML', 'public:', '{public:', /YAML/],
  ]
  for (const [name, from, to, said] of wrongs) {
    await writeFile(running.configFile, sound.replace(from, to).replace('/hooks/*', '/api/*'))
    await running.gateway.reload()
    t.equal((await running.send({ certificate: null })).status, 401, `${name}: the old routes hold`)
    t.equal(await statusOf(running), 200, name)
    const told = lines.filter(({ msg }) => msg === 'not reloaded: what ran goes on').at(-1)
    t.match(JSON.stringify(told), said, name)
    t.match(
      (await running.audit()).findLast(({ event }) => event === 'reload'),
      { reason: 'kept' },
      name,
    )
  }
  await writeFile(running.configFile, sound)
  await running.gateway.reload()
  t.match(lines.at(-1), { msg: 'reloaded', what: 'configuration' })
})

test("an administrator's new token is taken by a reload", async (t) => {
  const running = await startRunning(t, { yaml: { sessions: '{ path: store }' } })
  t.equal(await statusOf(running), 200)
  const file = join(running.folder, 'admin-token')
  await writeFile(file, 'two lines\nof text')
  await running.gateway.reload()
  t.match((await running.audit()).at(-1), { event: 'reload', reason: 'kept' }, 'a bad one is not')
  await writeFile(file, 'wrongwrongwrongwrongwrongw')
  await running.gateway.reload()
  const stranger = await running.user({ commonName: 'alice', email: 'alice@mattermost.com' })
  const refused = await running.send({ certificate: stranger })
  t.match(refused.text, /mattermost_unavailable/, 'Mattermost is asked with the new one')
  await writeFile(file, running.standin.adminToken)
  await running.gateway.reload()
  const letIn = await eventually(
    () => running.send({ certificate: stranger }),
    ({ status }) => status === 200,
  )
  t.equal(letIn.status, 200)
})

test('a new authority acts by itself, and a half-written or broken bundle is never taken', async (t) => {
  const { log, lines } = logLines()
  const running = await startRunning(t, { log })
  const file = join(running.folder, 'ca.crt')
  const other = await makeCa('Other CA')
  const stranger = await makeUser(other)
  t.match((await running.send({ certificate: stranger })).text, /chain_untrusted/)
  await writeFile(file, `${running.ca.pem}${other.pem.slice(0, 200)}`)
  await eventually(
    () => lines.some(({ msg }) => msg === 'not reloaded: what ran goes on'),
    (told) => told,
  )
  t.equal(await statusOf(running), 200, 'the old bundle holds')
  t.match((await running.send({ certificate: stranger })).text, /chain_untrusted/)
  await writeFile(`${file}.new`, running.ca.pem + other.pem)
  await rename(`${file}.new`, file)
  const taken = await eventually(
    () => running.send({ certificate: stranger }),
    ({ status }) => status === 200,
  )
  t.equal(taken.status, 200)
  await writeFile(file, other.pem)
  t.equal(
    await eventually(
      () => refusalOf(running),
      (id) => id !== 'allowed',
    ),
    'mattergate.chain_untrusted',
  )
})

test('the deny list refuses certificates and people while it is in force', async (t) => {
  const { running, deny } = await startDenying(t)
  t.equal(await statusOf(running), 200)
  const entries: [line: string, code: string][] = [
    [`sha256:${fingerprint(running.mmuser.der)}`, 'certificate_revoked'],
    ['user:mmuser', 'not_allowed'],
    ['email:mmuser@mattermost.com', 'not_allowed'],
    ['domain:mattermost.com', 'not_allowed'],
  ]
  for (const [line, code] of entries) {
    await deny(`${line}\n`)
    t.equal(
      await eventually(
        () => refusalOf(running),
        (id) => id === `mattergate.${code}`,
      ),
      `mattergate.${code}`,
      line,
    )
    await deny('')
    t.equal(
      await eventually(
        () => statusOf(running),
        (status) => status === 200,
      ),
      200,
      `without ${line}`,
    )
  }
})

test('a deny list with a line that is not understood keeps the old one, and shows', async (t) => {
  const { running, deny, lines } = await startDenying(t)
  await deny('user:mmuser\n')
  await eventually(
    () => statusOf(running),
    (status) => status === 403,
  )
  await deny('usr:mmuser\n')
  const told = await eventually(
    () => lines.find(({ msg }) => msg === 'not reloaded: what ran goes on'),
    (line) => line !== undefined,
  )
  t.match(JSON.stringify(told?.issues), /deny\.txt:1:1: /)
  t.equal(await statusOf(running), 403)
  await running.gateway.reload()
  t.equal(await statusOf(running), 403, 'a reload does not take it either')
})

test('who is denied loses his websocket and his token; another certificate of his goes on', async (t) => {
  const { running, deny } = await startDenying(t)
  const second = await running.user({})
  const sockets = [openWebsocket(running), openWebsocket(running, second)] as const
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  const tokens = () => running.standin.tokensOf('mmuser').length
  t.equal(tokens(), 1)
  const closed = once(sockets[0], 'close')
  await deny(`sha256:${fingerprint(running.mmuser.der)}\n`)
  t.equal((await closed)[0], 4401)
  t.equal(sockets[1].readyState, WebSocket.OPEN)
  t.equal(tokens(), 1, 'the other certificate is in use')
  const ended = await eventually(
    async () => (await running.audit()).find(({ event }) => event === 'session_end'),
    (event) => event !== undefined,
  )
  t.match(ended, { reason: 'certificate_revoked', certificate: { sha256: fingerprint(running.mmuser.der) } })
  const closedToo = once(sockets[1], 'close')
  await deny('user:mmuser\n')
  t.equal((await closedToo)[0], 4403)
  t.equal(await eventually(tokens, (left) => left === 0), 0)
})

test('an audit file that was moved away is left whole, and the chain goes on in the next', async (t) => {
  const running = await startRunning(t)
  t.equal(await statusOf(running), 200)
  const rotated = `${running.auditFile}.1`
  await rename(running.auditFile, rotated)
  t.equal(await statusOf(running), 200, 'until the reload it is written to all the same')
  await running.gateway.reload()
  t.equal(await statusOf(running), 200)
  t.equal((await verifyAuditFiles([rotated, running.auditFile])).ok, true)
  const seqs = (await readFile(rotated, 'utf8')).trim().split('\n').length
  t.equal((await running.audit())[0]?.seq, seqs + 1, 'no line is lost between them')
})
