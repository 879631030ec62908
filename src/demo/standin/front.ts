import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Answer, isAnswer } from './answer.js'
import type { Call } from './call.js'
import { ClientSocket } from './client-socket.js'
import { dispatch } from './dispatch.js'
import type { Cut, Faults } from './faults.js'
import { newId } from './ids.js'
import { readTarget, type SeenTarget } from './paths.js'
import { pluginSocketPath } from './plugin.js'
import { PluginSocket } from './plugin-socket.js'
import { limitExceeded, RateLimiter } from './rate-limiter.js'
import { RequestBody } from './request-body.js'
import { type LoggedRequest, logged } from './request-log.js'
import { acceptOf, isHandshake, judgeHandshake, websocketPath } from './websocket-handshake.js'
import type { World } from './world.js'
import { writeAnswer } from './write-answer.js'

const maxLoggedRequests = 10_000

/** The HTTP side of the stand-in: one server on the network, and one on the local-mode socket. */
export class Front {
  readonly requests: LoggedRequest[] = []
  readonly pluginSockets = new Set<PluginSocket>()
  readonly #world: World
  readonly #faults: Faults
  readonly #limiter: RateLimiter

  constructor(world: World, faults: Faults) {
    this.#world = world
    this.#faults = faults
    this.#limiter = new RateLimiter(world.clock)
  }

  /** A server that is not listening yet. It reads requests as leniently as Go does. */
  server(local: boolean): Server {
    const server = createServer({
      insecureHTTPParser: true,
      requireHostHeader: false,
      keepAliveTimeout: this.#world.timing.keepAliveMs,
      maxHeaderSize: 1_048_576,
    })
    server.maxHeadersCount = 0
    server.on('connection', (socket) => {
      if (this.#faults.down) socket.destroy()
    })
    server.on('clientError', (_error, stream) => {
      // What Go's parser refuses, Node's refuses too; this is Go's answer.
      if (stream.writable) stream.end(unreadable)
      else stream.destroy()
    })
    server.on('request', (request, response) => void this.#answer(request, response, local, false))
    server.on('checkContinue', (request, response) => void this.#answer(request, response, local, true))
    server.on('upgrade', (request, stream, head) => void this.#upgrade(request, stream, head, local))
    return server
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    local: boolean,
    expectsContinue: boolean,
  ) {
    const log = this.#log(request, false, local)
    const body = new RequestBody(request, log, expectsContinue ? response : null)
    try {
      const asked = readCall(request, local, () => body.read())
      const answer = await this.#judge(request, asked)
      if (typeof answer === 'string') cut(request, response, answer)
      else writeAnswer(request, response, answer, asked.call, this.#world)
      body.discard()
    } catch (error) {
      // The client left in the middle, or the stand-in has a bug: a test must see the latter.
      if (!request.destroyed) response.writeHead(500, { 'Content-Type': 'text/plain' }).end(String(error))
    }
  }

  async #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer, local: boolean): Promise<void> {
    this.#log(request, true, local)
    stream.on('error', () => stream.destroy())
    const asked = readCall(request, local, () => Promise.resolve(head))
    const { call } = asked
    const isOwn = websocketPath.test(call.path) && !local
    const isPlugin =
      this.#world.settings.echoPlugin &&
      call.path === pluginSocketPath &&
      isHandshake(request.headers, this.#world)
    const instead = isOwn || isPlugin ? await this.#disturb(call) : await this.#judge(request, asked)
    const session = isOwn && instead === null ? judgeHandshake(call, this.#world) : null
    const answer = session !== null && isAnswer(session) ? session : instead
    if (answer !== null) {
      this.#answerInstead(request, stream, answer, call)
      return
    }
    stream.write(switching(request.headers['sec-websocket-key'] ?? ''))
    if (isPlugin)
      this.pluginSockets.add(new PluginSocket(stream, head, (ended) => this.pluginSockets.delete(ended)))
    else if (session === null || !isAnswer(session))
      new ClientSocket(stream, head, session, call.path, this.#world)
  }

  #log(request: IncomingMessage, upgrade: boolean, local: boolean): LoggedRequest {
    const log = logged(request, upgrade, local)
    this.requests.push(log)
    if (this.requests.length > maxLoggedRequests) this.requests.shift()
    return log
  }

  async #judge(request: IncomingMessage, { call, seen }: Asked): Promise<Answer | Cut> {
    const hosts = request.rawHeaders.filter(
      (name, at) => at % 2 === 0 && name.toLowerCase() === 'host',
    ).length
    const wantsHost = request.httpVersion !== '1.0'
    if (wantsHost && hosts === 0)
      return { ...badRequest, body: `${badRequest.body}: missing required Host header` }
    if (seen.kind === 'malformed' || hosts > 1) return badRequest
    const disturbed = await this.#disturb(call)
    if (disturbed !== null) return disturbed
    if (seen.kind === 'redirect') {
      return { status: 301, headers: { Location: seen.location }, body: '', routed: 'bare' }
    }
    return this.#limited(call, () => dispatch(call, request.url ?? '', this.#world))
  }

  async #disturb(call: Call): Promise<Answer | Cut | null> {
    const met = await this.#faults.meet(call.path)
    return this.#faults.down ? 'destroy' : met
  }

  async #limited(call: Call, answer: () => Promise<Answer>): Promise<Answer> {
    const taken = call.local ? null : this.#limiter.take(call.peer.address, this.#world.settings.rateLimit)
    if (taken === null) return answer()
    const given = taken.over ? limitExceeded : await answer()
    return { ...given, headers: { ...given.headers, ...taken.headers } }
  }

  /** Answers an upgrade request like any other, and closes: an upgrade that is not granted is ignored. */
  #answerInstead(request: IncomingMessage, stream: Duplex, answer: Answer | Cut, call: Call): void {
    if (typeof answer === 'string' || !(stream instanceof Socket)) {
      stream.destroy()
      return
    }
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(stream)
    response.on('finish', () => stream.end())
    const closing = { ...answer, headers: { ...answer.headers, Connection: 'close' } }
    writeAnswer(request, response, closing, call, this.#world)
  }
}

function cut(request: IncomingMessage, response: ServerResponse, how: Cut): void {
  if (how === 'destroy') {
    request.socket.destroy()
    return
  }
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 1000 })
  response.write('the first part of a body', () => request.socket.destroy())
}

interface Asked {
  readonly call: Call
  readonly seen: SeenTarget
}

function readCall(request: IncomingMessage, local: boolean, readBody: Call['readBody']): Asked {
  const seen = readTarget(request.url ?? '')
  const call: Call = {
    method: request.method ?? '',
    path: seen.kind === 'path' ? seen.path : '',
    query: new URLSearchParams(seen.kind === 'path' ? seen.query : ''),
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    requestId: newId(),
    local,
    peer: { address: request.socket.remoteAddress ?? '', port: request.socket.remotePort ?? 0 },
    readBody,
  }
  return { call, seen }
}

const badRequest = {
  status: 400,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' },
  body: '400 Bad Request',
  routed: 'bare',
} as const

const unreadable =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request'

function switching(key: string): string {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}
