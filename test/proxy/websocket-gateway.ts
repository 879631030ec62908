import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import { systemClock } from '../../src/core/clock.js'
import { Refusal } from '../../src/core/refusals.js'
import type { Allowed, Decision, Forwarding, Refused } from '../../src/gate/decision.js'
import { HeaderHygiene } from '../../src/proxy/header-hygiene.js'
import {
  type WebsocketEnd,
  WebsocketForwarder,
  type WebsocketForwarderOptions,
} from '../../src/proxy/websocket-forwarder.js'
import { type AnswerTracker, trackAnswers } from '../../src/proxy/websocket-pipelining.js'
import { allowedRequest } from './allowed.js'
import { listen } from './wire.js'

export const key = 'dGhlIHNhbXBsZSBub25jZQ=='
/** The answer to that key in RFC 6455 §1.3. */
export const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
export const switching = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`

export interface HandshakeOptions {
  readonly line?: string
  readonly version?: string
  readonly key?: string
  readonly more?: string
}

export function handshake(options: HandshakeOptions = {}): string {
  return (
    `${options.line ?? 'GET /api/v4/websocket HTTP/1.1'}\r\nHost: chat.example.com\r\n` +
    'Connection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Version: ${options.version ?? '13'}\r\nSec-WebSocket-Key: ${options.key ?? key}\r\n` +
    `${options.more ?? ''}\r\n`
  )
}

/** A frame, masked with zeros where it is the client's: the payload stays readable. */
export function frame(opcode: number, payload: Buffer | string, masked: boolean): Buffer {
  const bytes = Buffer.from(payload)
  const length = bytes.length
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, length])
      : length < 65_536
        ? Buffer.from([0x80 | opcode, 126, length >> 8, length & 0xff])
        : Buffer.concat([Buffer.from([0x80 | opcode, 127]), bigEndian64(length)])
  if (!masked) return Buffer.concat([head, bytes])
  head[1] = (head[1] ?? 0) | 0x80
  return Buffer.concat([head, Buffer.alloc(4), bytes])
}

function bigEndian64(length: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(length))
  return bytes
}

export interface Told {
  readonly allowed: Allowed
  readonly end: WebsocketEnd
}

export interface WebsocketGateway {
  readonly port: number
  readonly server: Server
  readonly forwarder: WebsocketForwarder
  readonly answers: AnswerTracker
  readonly ended: Told[]
  readonly opened: Allowed[]
  readonly faults: unknown[]
  readonly refusals: { code: string; detail: string | undefined; decided: boolean }[]
}

export type GatewaySettings = Partial<WebsocketForwarderOptions> & {
  readonly upstream: string
  readonly forwarding?: Partial<Forwarding>
  readonly onRequest?: Parameters<typeof createServer>[1]
}

/** A node:http server that forwards websockets; a refusal is its code as text. */
export async function websocketGateway(t: Test, settings: GatewaySettings): Promise<WebsocketGateway> {
  const { onRequest, forwarding = {}, ...options } = settings
  const told = { ended: [] as Told[], opened: [] as Allowed[], faults: [] as unknown[] }
  const refusals: WebsocketGateway['refusals'] = []
  const server = createServer(onRequest ?? ((_request, response) => void response.end('plain')))
  const answers = trackAnswers(server)
  const forwarder = new WebsocketForwarder({
    hygiene: hygiene(),
    answers,
    admit: (request) => Promise.resolve(admitted(request, forwarding)),
    refuse: (request, refusal, allowed) => {
      refusals.push({ code: refusal.code, detail: refusal.detail, decided: allowed !== null })
      return Promise.resolve(refusedOf(request, refusal))
    },
    answer: ({ status, code }) => ({
      status,
      headers: { 'Content-Type': 'text/plain', 'Content-Length': String(code.length) },
      body: code,
    }),
    connectTimeoutMs: 5_000,
    answerTimeoutMs: 5_000,
    idleTimeoutMs: 60_000,
    mostWebsockets: 100,
    switched: () => undefined,
    opened: (allowed) => told.opened.push(allowed),
    ended: (allowed, end) => told.ended.push({ allowed, end }),
    fault: (error) => told.faults.push(error),
    clock: systemClock,
    ...options,
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    forwarder.upgrade(request, socket, head),
  )
  const port = await listen(t, server)
  t.teardown(() => forwarder.close(1_001, 'test over'))
  return { port, server, forwarder, answers, refusals, ...told }
}

export function admitted(request: IncomingMessage, forwarding: Partial<Forwarding> = {}): Decision {
  const { method = '', url: target = '' } = request
  const { upgrade } = request.headers
  if (upgrade?.toLowerCase() !== 'websocket') return refusedOf(request, new Refusal('upgrade_refused'))
  return allowedRequest({ method, target, forwarding })
}

export function refusedOf(request: IncomingMessage, refusal: Refusal): Refused {
  const { requestId, request: read } = allowedRequest({ target: request.url ?? '' })
  const { code, status, message, remedy } = refusal
  return {
    ...{ allowed: false, requestId, request: read, code, status, message, remedy },
    ...{ certificate: null, identity: null, user: null },
  }
}

export function hygiene(): HeaderHygiene {
  return new HeaderHygiene({
    publicUrl: 'https://chat.example.com',
    certificateHeader: 'X-SSL-Client-Cert',
    subjectHeader: null,
    verifyHeader: null,
    ownCookieName: '__Host-mattergate',
  })
}

/** A server that speaks real websockets; each connection is handed to `connected`. */
export async function websocketServer(
  t: Test,
  connected: (socket: WebSocket, request: IncomingMessage) => void,
  options: ServerOptions = {},
): Promise<{ readonly url: string; readonly sockets: Set<WebSocket> }> {
  const server = createServer()
  const websockets = new WebSocketServer({ ...options, server })
  websockets.on('connection', (socket, request) => {
    socket.on('error', () => undefined)
    connected(socket, request)
  })
  const port = await listen(t, server)
  t.teardown(() => {
    for (const socket of websockets.clients) socket.terminate()
  })
  return { url: `http://127.0.0.1:${port}`, sockets: websockets.clients }
}

/** A real client, open. */
export async function websocketClient(
  t: Test,
  port: number,
  options: WebSocket.ClientOptions & { readonly protocols?: string[] } = {},
): Promise<WebSocket> {
  const { protocols = [], ...rest } = options
  const client = new WebSocket(`ws://127.0.0.1:${port}/api/v4/websocket`, protocols, rest)
  t.teardown(() => client.terminate())
  client.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    client.once('open', () => resolve())
    client.once('close', () => reject(new Error('the websocket did not open')))
  })
  return client
}

export function closeOf(socket: WebSocket): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) =>
    socket.once('close', (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() })),
  )
}
