import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Config, MattermostConfig } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import { ConfigError } from '../core/config-error.js'
import { Refusal } from '../core/refusals.js'
import { ownCookieName } from '../gate/browser-cookies.js'
import type { Allowed } from '../gate/decision.js'
import { type OpenedGate, openGate } from '../gate/open-gate.js'
import { HeaderHygiene } from '../proxy/header-hygiene.js'
import { HttpForwarder } from '../proxy/http-forwarder.js'
import { UpstreamPool } from '../proxy/upstream-pool.js'
import { WebsocketForwarder } from '../proxy/websocket-forwarder.js'
import { type AnswerTracker, trackAnswers } from '../proxy/websocket-pipelining.js'
import { buildApp } from './app.js'
import { connectionErrors, type MendedConnections, mendConnections, watchConnections } from './connections.js'
import { addressOf, claimAddress, createServer, listen } from './listener.js'
import { errorFields, type Log } from './log.js'
import { observe } from './observer.js'
import { answerTo } from './own-answers.js'
import { readAlike, requestFacts } from './request-facts.js'
import { compareSiteUrl } from './site-url.js'
import { Upkeep } from './upkeep.js'
import { writeAnswer } from './write-answer.js'

export interface GatewayOptions {
  readonly log: Log
  readonly clock: Clock
}

/** The running gateway: one listener, one gate, two ways to Mattermost. Here they are put together. */
export class Gateway {
  readonly #parts: Parts

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @throws ConfigError for what the operator must mend, Fault where something cannot be opened. */
  static async start(config: Config, options: GatewayOptions): Promise<Gateway> {
    const mattermost = requireMattermost(config)
    const ending: SocketEnding = { tokenReplaced: () => undefined }
    await claimAddress(config)
    const opened = await openGate(config, options.clock, observe(options.log, ending))
    let parts: Parts | null = null
    try {
      parts = await assemble(config, mattermost, opened, options)
      const { websockets } = parts
      ending.tokenReplaced = (userId) => {
        const isOfUser = (allowed: Allowed) => allowed.user?.id === userId
        websockets.endWhere(isOfUser, 4409, 'the session was renewed: connect again')
      }
      await opened.audit.write({ event: 'start' })
      options.log.info({ head: opened.audit.headHash, seq: opened.audit.seq }, 'audit head')
      await compareSiteUrl(config, opened.client, options.log)
      await listen(parts.server, config)
      parts.upkeep.start()
      return new Gateway(parts)
    } catch (error) {
      if (parts !== null) await closeForwarding(parts)
      await opened.close()
      throw error
    }
  }

  /** `127.0.0.1:8066`, or the path of the unix socket. */
  get address(): string {
    return addressOf(this.#parts.server)
  }

  /** No new connection; running requests finish within `timeouts.drain`, websockets get 1001. */
  async stop(): Promise<void> {
    const { server, upkeep, opened, drain, drainMs } = this.#parts
    drain.draining = true
    upkeep.stop()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    const ended = Promise.all([closed, this.#parts.websockets.close(1001, 'the gateway stops')])
    // Whatever hangs, a request or an upgrade that is still being decided, holds up the end no longer.
    await Promise.race([ended, sleep(drainMs, undefined, { ref: false })])
    server.closeAllConnections()
    await closeForwarding(this.#parts)
    await opened.audit.write({ event: 'stop' }).catch((error: unknown) => {
      this.#parts.log.error(errorFields(error), 'the stop could not be audited')
    })
    await opened.close()
  }
}

async function closeForwarding({ app, forwarder }: Parts): Promise<void> {
  await app.close()
  await forwarder.close()
}

interface SocketEnding {
  tokenReplaced: (userId: string) => void
}

interface Parts {
  readonly server: Server
  readonly app: FastifyInstance
  readonly forwarder: HttpForwarder
  readonly websockets: WebsocketForwarder
  readonly upkeep: Upkeep
  readonly opened: OpenedGate
  readonly drain: { draining: boolean }
  readonly drainMs: number
  readonly log: Log
}

function requireMattermost(config: Config): MattermostConfig {
  if (config.mattermost !== null) return config.mattermost
  const message = 'mattermost is null: serve has nothing to forward to. Set mattermost.url.'
  throw new ConfigError([{ file: config.file ?? '<config>', line: 1, column: 1, message }])
}

async function assemble(
  config: Config,
  mattermost: MattermostConfig,
  opened: OpenedGate,
  { log, clock }: GatewayOptions,
): Promise<Parts> {
  const drain = { draining: false }
  const hygiene = new HeaderHygiene({
    publicUrl: config.public.url,
    certificateHeader: config.proxy.certificateHeader,
    subjectHeader: config.proxy.subjectHeader,
    verifyHeader: config.proxy.verifyHeader,
    ownCookieName: ownCookieName(opened.cookieStyle),
  })
  const forwarder = createForwarder(config, mattermost, opened, hygiene, log, clock)
  const handlers: { request: (request: IncomingMessage, response: ServerResponse) => void } = {
    request: () => undefined,
  }
  const server = await createServer(config, (request, response) => handlers.request(request, response))
  const answers = trackAnswers(server)
  const { gate } = opened
  const mended = mendConnections(server, config, opened.intake)
  const nothingSent = (socket: Socket): boolean => answers.nothingSent(socket)
  const errors = connectionErrors({ config, gate, mended, nothingSent })
  const app = await buildApp({
    server: (handler) => {
      handlers.request = handler
      return server
    },
    ...{ gate, forwarder, upstream: mattermost.url, own: opened },
    connectionError: errors.onError,
    broken: errors.broken,
    draining: () => drain.draining,
  })
  watchConnections(server, opened)
  const websockets = createWebsockets(config, mattermost, opened, { hygiene, answers, mended, log, clock })
  server.on('upgrade', (request, socket, head) => websockets.upgrade(request, socket, head))
  const upkeep = new Upkeep({ opened, websockets, clock, log, directoryCacheMs: mattermost.directoryCacheMs })
  return { server, app, forwarder, websockets, upkeep, opened, drain, drainMs: config.timeouts.drainMs, log }
}

function createForwarder(
  config: Config,
  mattermost: MattermostConfig,
  { gate }: OpenedGate,
  hygiene: HeaderHygiene,
  log: Log,
  clock: Clock,
): HttpForwarder {
  return new HttpForwarder({
    pool: new UpstreamPool({
      url: mattermost.url,
      connectTimeoutMs: config.timeouts.upstreamConnectMs,
      answerTimeoutMs: config.timeouts.upstreamAnswerMs,
    }),
    hygiene,
    bodyBytes: config.limits.bodyBytes,
    refuse: (response, allowed, refusal, notes) => {
      void refuseLate(gate, response, allowed, refusal, notes.retryAfterSeconds)
    },
    fault: (error, { requestId }) => log.error({ ...errorFields(error), requestId }, 'forwarding failed'),
    clock,
    onFinish: config.log.requests
      ? ({ requestId, request, user }, { status, bytes, complete }, durationMs) =>
          log.info(
            {
              ...{ requestId, method: request.method, path: request.path.raw },
              ...{ user: user?.username, status, bytes, complete, durationMs },
            },
            'request',
          )
      : null,
  })
}

/** An allowed request that could not be carried out: audited like any other refusal. */
async function refuseLate(
  gate: OpenedGate['gate'],
  response: ServerResponse,
  allowed: Allowed,
  refusal: Refusal,
  retryAfterSeconds: number | undefined,
): Promise<void> {
  const refused = await gate.refuse(allowed.request, refusal, allowed)
  if (response.headersSent || response.destroyed) return
  writeAnswer(response.req, response, answerTo(refused, retryAfterSeconds))
}

interface WebsocketParts {
  readonly hygiene: HeaderHygiene
  readonly answers: AnswerTracker
  readonly mended: MendedConnections
  readonly log: Log
  readonly clock: Clock
}

function createWebsockets(
  config: Config,
  mattermost: MattermostConfig,
  { gate }: OpenedGate,
  { hygiene, answers, mended, log, clock }: WebsocketParts,
): WebsocketForwarder {
  return new WebsocketForwarder({
    upstream: mattermost.url,
    ...{ hygiene, answers, clock },
    switched: (socket) => mended.switched(socket),
    admit: async (request) => {
      const decision = await gate.admit(requestFacts(request))
      return decision.allowed && !readAlike(decision, true)
        ? gate.refuse(decision.request, new Refusal('upgrade_refused'), decision)
        : decision
    },
    refuse: (request, refusal, allowed) =>
      allowed === null
        ? gate.refuseFacts(requestFacts(request), refusal)
        : gate.refuse(allowed.request, refusal, allowed),
    answer: (refused) => answerTo(refused),
    connectTimeoutMs: config.timeouts.upstreamConnectMs,
    answerTimeoutMs: config.timeouts.upstreamAnswerMs,
    idleTimeoutMs: config.timeouts.websocketIdleMs,
    mostWebsockets: config.limits.websockets,
    opened: null,
    ended: (allowed, end) => void gate.websocketEnded(allowed, end),
    fault: (error) => log.error(errorFields(error), 'a websocket failed'),
  })
}
