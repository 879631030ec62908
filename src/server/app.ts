import type { IncomingMessage, RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { decide as decideOn } from '../front/decide.js'
import { type OwnAnswersOptions, ownAnswer } from '../front/own-answers.js'
import { requestFacts } from '../front/request-facts.js'
import { writeAnswer } from '../front/write-answer.js'
import type { Allowed } from '../gate/decision.js'
import type { Gate } from '../gate/gate.js'
import { registerForwarding } from '../proxy/forward-route.js'
import type { HttpForwarder } from '../proxy/http-forwarder.js'
import type { ConnectionProblem } from './connection-errors.js'
import type { BrokenConnections } from './connections.js'

export interface AppOptions {
  readonly server: (handler: RequestListener) => Server
  readonly gate: Gate
  readonly forwarder: HttpForwarder
  readonly upstream: string
  readonly own: OwnAnswersOptions
  /** What the parser refused before it became a request. */
  readonly connectionError: (problem: ConnectionProblem, socket: Socket) => void
  readonly broken: BrokenConnections
  /** Once true, each answer is its connection's last. */
  readonly draining: () => boolean
}

/** Every request passes the gate before Fastify routes it anywhere; what is left is forwarded. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { gate, own } = options
  const decide = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const decision = await decideOn(gate, requestFacts(request.raw), false)
    if (options.draining()) reply.raw.shouldKeepAlive = false
    if (options.broken.has(request.raw.socket)) {
      reply.hijack()
      return
    }
    const answer = ownAnswer(decision, own)
    if (answer === null) {
      if (expectsContinue(request.raw)) reply.raw.writeContinue()
      request.decision = decision
      return
    }
    reply.hijack()
    writeAnswer(request.raw, reply.raw, answer)
  }
  const app = Fastify({
    logger: false,
    serverFactory: (handler) => options.server(handler),
    // Fastify would answer a broken escape by itself; the gate refuses it, and audits it.
    frameworkErrors: (_error, request, reply) => void decide(request, reply as FastifyReply),
    clientErrorHandler: options.connectionError,
    return503OnClosing: false,
    forceCloseConnections: false,
    routerOptions: { maxParamLength: 65_536 },
  })
  app.decorateRequest('decision', null)
  app.addHook('onRequest', decide)
  await registerForwarding(app, {
    upstream: options.upstream,
    forwarder: options.forwarder,
    decisionOf: allowedDecision,
  })
  await app.ready()
  return app
}

function allowedDecision(request: FastifyRequest): Allowed {
  if (request.decision?.allowed !== true) throw new Error('a request reached the forwarder undecided')
  return request.decision
}

/** Node leaves `100 Continue` to us (`checkContinue`), so that a refusal comes without it. */
function expectsContinue(request: IncomingMessage): boolean {
  return request.headers.expect?.toLowerCase() === '100-continue'
}
