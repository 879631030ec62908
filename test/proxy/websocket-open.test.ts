import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { test } from 'tap'
import type { WebSocket } from 'ws'
import {
  closeOf,
  frame,
  handshake,
  switching,
  type WebsocketGateway,
  websocketClient,
  websocketGateway,
  websocketServer,
} from './websocket-gateway.js'
import { eventually, rawClient, rawUpstream } from './wire.js'

function echo(socket: WebSocket): void {
  socket.on('message', (message: Buffer, isBinary) => socket.send(message, { binary: isBinary }))
}

test('echoes messages of any size unchanged, with compression and a subprotocol end to end', async (t) => {
  const upstream = await websocketServer(t, echo, { perMessageDeflate: { threshold: 0 } })
  const gateway = await websocketGateway(t, { upstream: upstream.url })
  for (const perMessageDeflate of [false, true]) {
    const client = await websocketClient(t, gateway.port, { perMessageDeflate, protocols: ['b', 'a'] })
    t.equal(client.extensions.includes('permessage-deflate'), perMessageDeflate)
    t.equal(client.protocol, 'b')
    const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 3_000_000, ...Array.from(randomBytes(40))]
    const sent = sizes.map((size) => randomBytes(size))
    const received: Buffer[] = []
    const all = new Promise<void>((resolve) =>
      client.on('message', (message: Buffer) => {
        if (received.push(message) === sent.length) resolve()
      }),
    )
    for (const message of sent) client.send(message)
    await all
    t.ok(
      received.every((message, at) => message.equals(sent[at] ?? Buffer.alloc(0))),
      'in order and whole',
    )
    client.close(1_000)
    await closeOf(client)
  }
})

test('carries frames cut anywhere', async (t) => {
  const upstream = await websocketServer(t, echo)
  const gateway = await websocketGateway(t, { upstream: upstream.url })
  const client = await rawClient(t, gateway.port, handshake())
  await client.until(/\r\n\r\n/)
  client.socket.setNoDelay(true)
  const bytes = Buffer.concat(['a', 'bc', '', 'd'.repeat(300)].map((text) => frame(1, text, true)))
  for (let at = 0; at < bytes.length; at += 1 + (at % 5)) {
    client.socket.write(bytes.subarray(at, at + 1 + (at % 5)))
    if (at < 30) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await client.until(/\x81\x01a\x81\x02bc\x81\x00\x81\x7e\x01\x2cd{300}$/)
})

test('passes pings, and the close code of either side, and tells it', async (t) => {
  const upstream = await websocketServer(t, (socket, { url }) => {
    if (url === '/closes') socket.close(4_777, 'server')
    else socket.on('close', (code) => closed.push(code))
  })
  const closed: number[] = []
  const gateway = await websocketGateway(t, { upstream: upstream.url })
  const client = await websocketClient(t, gateway.port)
  let pongs = 0
  client.on('pong', () => (pongs += 1))
  client.ping()
  await eventually(() => pongs > 0)
  client.close(4_555, 'client')
  t.equal((await closeOf(client)).code, 4_555)
  await eventually(() => gateway.ended.length === 1)
  t.equal(pongs, 1)
  t.strictSame(closed, [4_555])
  t.equal(gateway.ended[0]?.end.code, 4_555)

  const raw = await rawClient(t, gateway.port, handshake({ line: 'GET /closes HTTP/1.1' }))
  await raw.until(/\x88\x08\x12\xa9server/)
  raw.socket.end()
  await eventually(() => gateway.ended.length === 2)
  const { code, bytesIn, bytesOut, durationMs } = gateway.ended[1]?.end ?? {}
  t.strictSame([code, bytesIn, bytesOut], [4_777, 0, 10])
  t.ok((durationMs ?? -1) >= 0)
})

test('keeps an abnormal end abnormal on the other side', async (t) => {
  const ends: ((socket: Socket) => unknown)[] = [
    (socket) => socket.end(),
    (socket) => socket.destroy(),
    (socket) => socket.resetAndDestroy(),
  ]
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  for (const end of ends) {
    for (const side of ['client', 'upstream']) {
      const client = await rawClient(t, gateway.port, handshake())
      const head = await client.until(/\r\n\r\n/)
      const behind = upstream.sockets.at(-1)
      if (behind === undefined) throw new Error('no connection upstream')
      if (side === 'client') end(client.socket)
      else end(behind)
      t.equal(await client.closed, head, 'no close frame')
      await eventually(() => behind.destroyed)
    }
  }
  await eventually(() => gateway.ended.length === 6)
  t.ok(gateway.ended.every(({ end }) => end.code === 1_006))
})

test('ends what is no websocket', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  for (const garbage of ['\x83\x00', '\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff']) {
    const client = await rawClient(t, gateway.port, handshake())
    await client.until(/\r\n\r\n/)
    client.socket.write(garbage, 'latin1')
    await client.closed
  }
  await eventually(() => upstream.sockets.every((socket) => socket.destroyed))
  t.strictSame(
    gateway.ended.map(({ end }) => [end.code, end.bytesIn]),
    [
      [1_002, 0],
      [1_002, 0],
    ],
  )
})

test('survives resets of either side under way', async (t) => {
  const upstream = await websocketServer(t, (socket) => {
    const flood = setInterval(() => socket.send(randomBytes(20_000)), 1)
    socket.on('close', () => clearInterval(flood))
  })
  const gateway = await websocketGateway(t, { upstream: upstream.url })
  await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const client = await rawClient(t, gateway.port, handshake())
      await client.until(/\r\n\r\n/)
      client.socket.write(randomBytes(index * 50))
      await new Promise((resolve) => setTimeout(resolve, index % 10))
      client.socket.resetAndDestroy()
    }),
  )
  await eventually(() => gateway.ended.length === 40)
  t.equal([...gateway.forwarder.open()].length, 0)
  t.strictSame(gateway.faults, [])
})

test('holds the sender while the receiver does not read, both ways', async (t) => {
  const megabyte = frame(2, Buffer.alloc(1_000_000), true)
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const client = await rawClient(t, gateway.port, handshake())
  await client.until(/\r\n\r\n/)
  const behind = upstream.sockets[0]
  if (behind === undefined) throw new Error('no connection upstream')
  // What the harness collects it reads again with each chunk: too slow for this much.
  for (const socket of [behind, client.socket]) socket.removeAllListeners('data').resume()
  for (const [sender, receiver] of [
    [behind, client.socket],
    [client.socket, behind],
  ] as const) {
    receiver.pause()
    const before = sender.bytesWritten
    for (let count = 0; count < 100; count += 1) sender.write(megabyte)
    await settled(() => sender.writableLength)
    t.ok(sender.writableLength > 50_000_000, `${sender.writableLength} of 100 MB wait at the sender`)
    const drained = new Promise((resolve) => sender.once('drain', resolve))
    receiver.resume()
    await drained
    t.ok(sender.bytesWritten - before >= 100 * megabyte.length)
  }
})

/** Waits until a number no longer changes. */
async function settled(read: () => number): Promise<void> {
  for (let before = -1; before !== read(); ) {
    before = read()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test('ends the ones that a predicate names, with code and reason on both sides', async (t) => {
  const closed: Promise<{ code: number; reason: string }>[] = []
  const upstream = await websocketServer(t, (socket) => closed.push(closeOf(socket)))
  const gateway = await websocketGateway(t, { upstream: upstream.url })
  const one = await websocketClient(t, gateway.port)
  const [first] = gateway.forwarder.open()
  const other = await websocketClient(t, gateway.port)
  const gone = closeOf(one)
  const named = (allowed: unknown) => allowed === first?.allowed
  t.equal(gateway.forwarder.endWhere(named, 4_401, 'certificate ended'), 1)
  t.equal(gateway.forwarder.endWhere(named, 4_403, 'twice'), 0)
  t.strictSame(await gone, { code: 4_401, reason: 'certificate ended' })
  t.strictSame(await closed[0], { code: 4_401, reason: 'certificate ended' })
  await eventually(() => gateway.ended.length === 1)
  t.equal(gateway.ended[0]?.end.code, 4_401)
  t.equal(other.readyState, other.OPEN)
  t.equal([...gateway.forwarder.open()].length, 1)
})

test('ends amid a flood both ways, with or without compression', async (t) => {
  for (const perMessageDeflate of [false, true]) {
    const closed: Promise<{ code: number; reason: string }>[] = []
    const upstream = await websocketServer(
      t,
      (socket) => {
        flood(socket)
        closed.push(closeOf(socket))
      },
      { perMessageDeflate },
    )
    const gateway = await websocketGateway(t, { upstream: upstream.url })
    const client = await websocketClient(t, gateway.port, { perMessageDeflate })
    flood(client)
    await new Promise((resolve) => client.once('message', resolve))
    const gone = closeOf(client)
    gateway.forwarder.endWhere(() => true, 4_401, 'certificate ended')
    t.strictSame(await gone, { code: 4_401, reason: 'certificate ended' })
    t.strictSame(await closed[0], { code: 4_401, reason: 'certificate ended' })
  }
})

function flood(socket: WebSocket): void {
  const timer = setInterval(() => {
    for (let count = 0; count < 20; count += 1) socket.send(randomBytes(5_000))
  }, 1)
  socket.once('close', () => clearInterval(timer))
}

test('waits for the end of a frame under way before its close frame', async (t) => {
  const upstream = await rawUpstream(t, (socket) => socket.write(switching))
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const client = await rawClient(t, gateway.port, handshake())
  await client.until(/\r\n\r\n/)
  client.socket.write(Buffer.concat([frame(1, 'abcdef', true)]).subarray(0, 9))
  await eventually(() => upstream.received[0]?.endsWith('abc') === true)
  gateway.forwarder.endWhere(() => true, 4_401, 'x')
  await client.until(/\x88\x03\x11\x31x$/)
  client.socket.write('def\x81\x80\0\0\0\0')
  await client.closed
  const received = upstream.received[0] ?? ''
  t.match(received, /abcdef\x88\x83[^]{4}[^]{3}$/, 'the frame, the close frame, and nothing more')
})

test('ends past a reader that is stuck, and in a frame that does not end', async (t) => {
  const upstream = await rawUpstream(t, (socket) => {
    socket.write(switching)
    socket.write(frame(2, Buffer.alloc(30_000_000), false))
  })
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const client = await rawClient(t, gateway.port, handshake())
  await client.until(/\r\n\r\n/)
  client.socket.pause()
  await eventually(() => gateway.opened.length === 1)
  gateway.forwarder.endWhere(() => true, 4_401, 'x')
  await eventually(() => gateway.ended.length === 1)
  t.equal(gateway.ended[0]?.end.code, 4_401)
  await eventually(() => upstream.sockets[0]?.destroyed === true)
})

test('holds the sender of a frame without end while a stuck reader is being ended', async (t) => {
  const pieceBytes = 65_536
  const upstream = await rawUpstream(t, (socket) => {
    socket.write(switching)
    socket.write(Buffer.from([0x82, 127, 0, 0, 0, 0x40, 0, 0, 0, 0]))
    pour(socket, Buffer.alloc(pieceBytes))
  })
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const accepted: Socket[] = []
  gateway.server.on('connection', (socket) => accepted.push(socket))
  const client = connect(gateway.port, '127.0.0.1')
  t.teardown(() => client.destroy())
  client.on('error', () => undefined)
  client.write(handshake())
  // The end is asked for while there is room, so that nothing is held yet.
  await new Promise((resolve) => client.once('data', resolve))
  client.on('data', () => undefined)
  await eventually(() => accepted[0]?.writableNeedDrain === false && bytesOut(gateway) > 1_000_000)
  gateway.forwarder.endWhere(() => true, 4_401, 'x')
  client.pause()
  let mostQueued = 0
  await eventually(() => {
    mostQueued = Math.max(mostQueued, accepted[0]?.writableLength ?? 0)
    return gateway.ended.length === 1
  })
  t.ok(mostQueued <= 4 * pieceBytes, `${mostQueued} bytes queued`)
})

function bytesOut({ forwarder }: WebsocketGateway): number {
  for (const open of forwarder.open()) return open.bytesOut
  return 0
}

/** Writes as fast as the socket takes it. */
function pour(socket: Socket, piece: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece)) continue
  }
  socket.on('drain', more)
  more()
}

test('ends at once what was asked to end while it was being opened', async (t) => {
  let agree: () => void = () => undefined
  const upstream = await rawUpstream(t, (socket) => (agree = () => socket.write(switching)))
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const client = await rawClient(t, gateway.port, handshake())
  await eventually(() => upstream.received[0]?.includes('\r\n\r\n') === true)
  t.equal(
    gateway.forwarder.endWhere(() => true, 4_403, 'x'),
    1,
  )
  agree()
  t.match(await client.closed, /\r\n\r\n\x88\x03\x11\x33x$/)
})

test('drops a websocket on which nothing moves, and no other', async (t) => {
  const upstream = await websocketServer(t, echo)
  const gateway = await websocketGateway(t, { upstream: upstream.url, idleTimeoutMs: 400 })
  const lively = await websocketClient(t, gateway.port)
  const pings = setInterval(() => lively.ping(), 20)
  t.teardown(() => clearInterval(pings))
  const idle = await websocketClient(t, gateway.port)
  t.equal((await closeOf(idle)).code, 1_006)
  t.equal(lively.readyState, lively.OPEN)
})

test('ends all when it closes, accepts no more, and resolves when they are gone', async (t) => {
  const upstream = await websocketServer(t, () => undefined)
  const gateway = await websocketGateway(t, { upstream: upstream.url })
  const clients = await Promise.all([1, 2, 3].map(() => websocketClient(t, gateway.port)))
  const gone = clients.map(closeOf)
  const closed = gateway.forwarder.close(1_001, 'the gateway stops')
  const late = await (await rawClient(t, gateway.port, handshake())).closed
  t.match(late, /^HTTP\/1\.1 503 [^]*overloaded$/)
  await closed
  t.equal(gateway.ended.length, 3)
  for (const { code } of await Promise.all(gone)) t.equal(code, 1_001)
})

test('tells those that are waiting for Mattermost when it closes', async (t) => {
  const upstream = await rawUpstream(t, () => undefined)
  const gateway = await websocketGateway(t, { upstream: `http://127.0.0.1:${upstream.port}` })
  const client = await rawClient(t, gateway.port, handshake())
  await eventually(() => upstream.received[0]?.includes('\r\n\r\n') === true)
  const closed = gateway.forwarder.close(1_001, 'the gateway stops')
  t.match(await client.closed, /^HTTP\/1\.1 503 [^]*overloaded$/)
  await closed
})

test('a listener that throws takes nothing with it', async (t) => {
  const upstream = await websocketServer(t, () => undefined)
  const broken = () => {
    throw new Error('broken')
  }
  const gateway = await websocketGateway(t, {
    ...{ upstream: upstream.url, opened: broken, ended: broken, switched: broken },
  })
  const client = await websocketClient(t, gateway.port)
  client.close()
  await closeOf(client)
  await eventually(() => gateway.faults.length === 3)
})
