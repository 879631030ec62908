import { createServer, type IncomingMessage, type Server } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from 'node:net'
import type { Test } from 'tap'
import { systemClock } from '../../src/core/clock.js'
import type { Allowed, Forwarding } from '../../src/gate/decision.js'
import { HeaderHygiene } from '../../src/proxy/header-hygiene.js'
import type { ForwardOutcome } from '../../src/proxy/http-exchange.js'
import { HttpForwarder } from '../../src/proxy/http-forwarder.js'
import { UpstreamPool } from '../../src/proxy/upstream-pool.js'
import type { SlotBounds } from '../../src/proxy/upstream-slots.js'
import { allowedRequest } from './allowed.js'

/** Both sides as bare sockets, so that a test sees the very bytes. */

export interface RawUpstream {
  readonly port: number
  /** One entry for each connection, in order: every byte that came, as latin1. */
  readonly received: string[]
  readonly sockets: Socket[]
}

/** Calls `answer` once for each request head that arrives. */
export async function rawUpstream(
  t: Test,
  answer: (socket: Socket, head: string, index: number) => void,
): Promise<RawUpstream> {
  const received: string[] = []
  const sockets: Socket[] = []
  let heads = 0
  const server = createNetServer((socket) => {
    const at = sockets.push(socket) - 1
    received.push('')
    let unread = ''
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      received[at] = `${received[at] ?? ''}${text}`
      unread += text
      const heading = /([A-Z-]+ \/[^\r\n]* HTTP\/1\.1\r\n[^]*?\r\n\r\n)/g
      let end = 0
      for (const found of unread.matchAll(heading)) {
        end = found.index + found[0].length
        answer(socket, found[1] ?? '', heads)
        heads += 1
      }
      unread = unread.slice(end)
    })
  })
  const port = await listen(t, server)
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  return { port, received, sockets }
}

export interface GatewayOptions {
  readonly upstream: string
  readonly bodyBytes?: number
  readonly clientIdleMs?: number
  readonly slots?: Partial<SlotBounds>
  /** Changes what was decided. */
  readonly allowed?: (request: IncomingMessage, allowed: Allowed) => Allowed
  readonly answerTimeoutMs?: number
  readonly forwarding?: Partial<Forwarding>
}

export interface Gateway {
  readonly port: number
  readonly server: Server
  readonly forwarder: HttpForwarder
  readonly outcomes: ForwardOutcome[]
  readonly faults: unknown[]
  readonly requests: IncomingMessage[]
}

/** A node:http server that allows every request and forwards it; a refusal is its code as text. */
export async function gateway(t: Test, options: GatewayOptions): Promise<Gateway> {
  const outcomes: ForwardOutcome[] = []
  const faults: unknown[] = []
  const requests: IncomingMessage[] = []
  const forwarder = makeForwarder(options, outcomes, faults)
  const server = createServer({ maxHeaderSize: 131_072 }, (request, response) => {
    requests.push(request)
    const allowed = allowedOf(request, options.forwarding)
    forwarder.forward(request, response, options.allowed?.(request, allowed) ?? allowed)
  })
  const port = await listen(t, server)
  t.teardown(async () => {
    server.closeAllConnections()
    await forwarder.close()
  })
  return { port, server, forwarder, outcomes, faults, requests }
}

export function allowedOf(request: IncomingMessage, forwarding: Partial<Forwarding> = {}): Allowed {
  return allowedRequest({ method: request.method ?? '', target: request.url ?? '', forwarding })
}

export function makeForwarder(
  options: GatewayOptions,
  outcomes: ForwardOutcome[] = [],
  faults: unknown[] = [],
): HttpForwarder {
  return new HttpForwarder({
    pool: new UpstreamPool({
      url: options.upstream,
      connectTimeoutMs: 5_000,
      answerTimeoutMs: options.answerTimeoutMs ?? 60_000,
    }),
    hygiene: new HeaderHygiene({
      publicUrl: 'https://chat.example.com',
      certificateHeader: 'X-SSL-Client-Cert',
      subjectHeader: null,
      verifyHeader: null,
      ownCookieName: '__Host-mattergate',
    }),
    bodyBytes: options.bodyBytes ?? 1_048_576_000,
    clientIdleMs: options.clientIdleMs ?? 60_000,
    refuse: (response, _allowed, refusal, { retryAfterSeconds }) => {
      const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }
      response.writeHead(refusal.status, { ...headers, 'Content-Length': refusal.code.length })
      response.end(refusal.code)
    },
    fault: (error) => faults.push(error),
    ...(options.slots === undefined ? {} : { slots: options.slots }),
    watch: { answered: () => undefined, failed: () => undefined },
    clock: systemClock,
    onFinish: (_allowed, outcome) => outcomes.push(outcome),
  })
}

export async function listen(t: Test, server: Server | NetServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on a port')
  return address.port
}

export interface RawClient {
  readonly socket: Socket
  /** What came so far, as latin1. */
  text(): string
  /** What came until the connection closed; a reset counts as closed. */
  readonly closed: Promise<string>
  /** Resolves once the text that came so far matches. */
  until(pattern: RegExp): Promise<string>
}

export async function rawClient(t: Test, port: number, bytes: string): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  const watchers = new Set<() => void>()
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    for (const watcher of watchers) watcher()
  })
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
  t.teardown(() => socket.destroy())
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(bytes, 'latin1')
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(text)) return
        watchers.delete(look)
        resolve(text)
      }
      watchers.add(look)
      socket.once('close', () => {
        look()
        if (watchers.has(look)) reject(new Error(`closed after ${JSON.stringify(text.slice(0, 500))}`))
      })
      look()
    })
  return { socket, text: () => text, closed, until }
}

/** Sends one request and gives back every byte of the answer; the connection ends with it. */
export async function ask(
  t: Test,
  port: number,
  requestLine: string,
  headers = '',
  body = '',
): Promise<string> {
  const head = `${requestLine} HTTP/1.1\r\nHost: chat.example.com\r\nConnection: close\r\n${headers}\r\n`
  return (await rawClient(t, port, head + body)).closed
}

export function ok(body: string, headers = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`
}

/** Waits for something that another process or socket does. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Status, header lines and body of an answer. */
export function parse(answer: string): { status: number; headers: string[]; body: string } {
  const end = answer.indexOf('\r\n\r\n')
  const [statusLine = '', ...headers] = answer.slice(0, end).split('\r\n')
  return { status: Number(statusLine.split(' ')[1]), headers, body: answer.slice(end + 4) }
}
