// What is bounded stays bounded, and those who do nothing wrong notice little of it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { type Test, test } from 'tap'
import { makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { escaped, type Running, send, startRunning } from '../support/running-gateway.js'

function open(t: Test, address: string, bytes = ''): Socket & { seen: string } {
  const socket = Object.assign(connect(address), { seen: '' })
  socket.on('data', (chunk: Buffer) => (socket.seen += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  if (bytes !== '') socket.write(bytes)
  t.teardown(() => socket.destroy())
  return socket
}

test('a header that does not come whole in time is refused, audited, and its connection closed', async (t) => {
  const running = await startRunning(t, { yaml: { timeouts: '{ header: 300ms }' } })
  const slow = open(t, running.gateway.address, 'GET / HTTP/1.1\r\nHost: x\r\n')
  const drip = setInterval(() => slow.write('X-A: 1\r\n'), 50)
  await once(slow, 'close')
  clearInterval(drip)
  t.match(slow.seen, /^HTTP\/1\.1 (400|408) /)
  t.match((await running.audit()).at(-1), { event: 'refuse', peer: 'unix' })
  t.equal((await running.send()).status, 200)
})

test('connections beyond the limit are turned away, and there is room again when others leave', async (t) => {
  const running = await startRunning(t, { yaml: { limits: '{ connections: 5 }' } })
  const sockets = Array.from({ length: 5 }, () => open(t, running.gateway.address))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  await t.rejects(running.send(), 'the sixth')
  for (const socket of sockets) socket.destroy()
  const answer = await eventually(
    () => running.send().catch(() => null),
    (received) => received !== null,
  )
  t.equal(answer?.status, 200)
})

test('websockets beyond the limit are refused before Mattermost is asked', async (t) => {
  const running = await startRunning(t, { yaml: { limits: '{ websockets: 1 }' } })
  const head = (key: string) =>
    [
      'GET /api/v4/websocket HTTP/1.1',
      'Host: chat.example.com',
      'Origin: https://chat.example.com',
      `X-SSL-Client-Cert: ${escaped(running.mmuser)}`,
      ...[
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${key}`,
      ],
    ].join('\r\n')
  const first = open(t, running.gateway.address, `${head('dGhlIHNhbXBsZSBub25jZQ==')}\r\n\r\n`)
  await eventually(
    () => first.seen,
    (text) => text.includes('\r\n\r\n'),
  )
  t.match(first.seen, /^HTTP\/1\.1 101 /)
  const second = open(t, running.gateway.address, `${head('AAAAAAAAAAAAAAAAAAAAAA==')}\r\n\r\n`)
  await once(second, 'close')
  t.match(second.seen, /^HTTP\/1\.1 503 [^]*Retry-After: \d+[^]*overloaded/)
})

async function strangersOf(count: number): Promise<string[]> {
  const other = await makeCa('Other CA')
  const one = await makeUser(other)
  // The issuer is unknown whatever the rest says: the same certificate with another serial number in it.
  const at = Buffer.from(one.der).indexOf(Buffer.from(one.serial, 'hex'))
  return Array.from({ length: count }, (_none, number) => {
    const der = Buffer.from(one.der)
    der.writeUInt32BE(number, at + 2)
    const base64 = der.toString('base64').replaceAll(/.{64}/g, '$&\n')
    return encodeURIComponent(`-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`)
  })
}

test('a flood of different bad certificates is answered, and good users are served in it', async (t) => {
  const running = await startRunning(t, {
    yaml: { limits: '{ verifyConcurrency: 1 }', audit: '{ file: audit.jsonl }' },
  })
  t.equal((await running.send()).status, 200)
  const strangers = await strangersOf(500)
  const flood = strangers.map((header) =>
    send(running.gateway.address, {
      certificate: null,
      headers: { 'X-SSL-Client-Cert': header },
      path: '/x',
    }),
  )
  const good = Array.from({ length: 20 }, () => running.send())
  t.ok(
    (await Promise.all(good)).every(({ status }) => status === 200),
    'whoever is known is served',
  )
  const answers = await Promise.all(flood)
  const overloaded = answers.filter(({ status }) => status === 503)
  t.ok(
    overloaded.every(
      ({ headers, text }) => headers['retry-after'] !== undefined && text.includes('overloaded'),
    ),
  )
  t.ok(answers.every(({ status }) => status === 403 || status === 503))
  const newcomer = await running.user({ commonName: 'alice', email: 'alice@mattermost.com' })
  t.equal((await running.send({ certificate: newcomer })).status, 200, 'and so is a newcomer after it')
})

test('without a file descriptor left it goes on, and serves again when there are some', async (t) => {
  const running = await startRunning(t)
  await running.gateway.stop()
  const cli = resolve(import.meta.dirname, '../../dist/cli.js')
  const command = `ulimit -n 250; exec "${process.execPath}" "${cli}" serve --config "${running.configFile}"`
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const address = resolve(running.folder, 'http.sock')
  const ask = (running_: Running) => send(address, { certificate: running_.mmuser }).catch(() => null)
  t.equal(
    (
      await eventually(
        () => ask(running),
        (answer) => answer !== null,
      )
    )?.status,
    200,
  )
  const crowd = Array.from({ length: 400 }, () => open(t, address))
  await Promise.all(crowd.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])))
  await ask(running)
  t.equal(child.exitCode, null)
  for (const socket of crowd) socket.destroy()
  t.equal(
    (
      await eventually(
        () => ask(running),
        (answer) => answer?.status === 200,
      )
    )?.status,
    200,
  )
  child.kill('SIGTERM')
  t.equal((await once(child, 'exit'))[0], 0)
  await running.restart().catch((error: unknown) => t.error(error))
})
