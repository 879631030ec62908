import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '../config/config.js'
import type { Refusal } from '../core/refusals.js'
import { peerOf } from '../front/request-facts.js'
import { writeRawAnswer } from '../front/write-answer.js'
import type { Gate } from '../gate/gate.js'
import type { RequestFacts } from '../intake/facts.js'
import { refusalAnswer } from '../pages/refusal-answer.js'
import { type ConnectionProblem, connectionRefusal } from './connection-errors.js'
import { type MendedSocket, mendSocket } from './mend-socket.js'
import type { MenderLoss } from './multiline-framing.js'

export interface ConnectionsOptions {
  readonly config: Config
  readonly gate: Gate
  /** Whether an answer written now would not be taken for another one, or for a part of it. */
  readonly nothingSent: (socket: Socket) => boolean
  readonly mended: MendedConnections
}

/** Connections whose bytes the parser gave up on: a request that came with them goes nowhere. */
export interface BrokenConnections {
  has(socket: Socket): boolean
}

/** Answers, and audits, what the parser refused before or after it became a request. */
export function connectionErrors(options: ConnectionsOptions): {
  readonly broken: BrokenConnections
  readonly onError: (problem: ConnectionProblem, socket: Socket) => void
} {
  const { certificateHeader } = options.config.proxy
  const broken = new WeakSet<Socket>()
  const onError = (problem: ConnectionProblem, socket: Socket): void => {
    broken.add(socket)
    const refusal = connectionRefusal(problem, certificateHeader, options.mended.loss(socket))
    if (refusal === null) socket.destroy()
    else void refuse(options, socket, refusal)
  }
  return { broken, onError }
}

/** What Node would answer in place of a request: the gate decides, and audits it. */
export function watchConnections(server: Server, { gate }: Pick<ConnectionsOptions, 'gate'>): void {
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy())
    void decideConnect(gate, request, socket)
  })
  // Both would be answered by Node itself; the gate decides first, and Expect is not passed on.
  const asRequest = (request: IncomingMessage, response: ServerResponse) =>
    void server.emit('request', request, response)
  server.on('checkContinue', asRequest)
  server.on('checkExpectation', asRequest)
}

/** What is known of the menders of a server's connections; without `listen.multilineHeader` nothing. */
export interface MendedConnections {
  /** To be told that a websocket has begun: from then on bytes pass as they come. */
  switched(socket: Socket): void
  /** Why a mender made a request unreadable for the parser: the true cause of its error. */
  loss(socket: Socket): MenderLoss | null
}

/** With `listen.multilineHeader`, puts the mender before the parser of each trusted peer's connection. */
export function mendConnections(
  server: Server,
  config: Config,
  trusts: (peer: RequestFacts['peer']) => boolean,
): MendedConnections {
  const mended = new WeakMap<Socket, MendedSocket>()
  const options = {
    certificateHeader: config.proxy.certificateHeader,
    maxHeaderBytes: config.limits.headerBytes,
  }
  if (config.listen.multilineHeader) {
    server.on('connection', (socket) => {
      if (trusts(peerOf(socket))) mended.set(socket, mendSocket(socket, options))
    })
  }
  return {
    switched: (socket) => mended.get(socket)?.passEverything(),
    loss: (socket) => mended.get(socket)?.loss ?? null,
  }
}

async function decideConnect(gate: Gate, request: IncomingMessage, socket: Socket): Promise<void> {
  const decision = await gate.admit({
    method: 'CONNECT',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    peer: peerOf(socket),
  })
  if (decision.allowed) throw new Error('the gate let a CONNECT pass')
  if (socket.writable) {
    writeRawAnswer(socket, refusalAnswer(decision, { method: 'CONNECT', decodedPath: '', navigation: false }))
  }
}

async function refuse(
  { gate, nothingSent }: ConnectionsOptions,
  socket: Socket,
  refusal: Refusal,
): Promise<void> {
  const decision = await gate.refuseFacts(
    { method: '', target: '', rawHeaders: [], peer: peerOf(socket) },
    refusal,
  )
  if (!socket.writable || !nothingSent(socket)) socket.destroy()
  else writeRawAnswer(socket, refusalAnswer(decision, { method: '', decodedPath: '', navigation: false }))
}
