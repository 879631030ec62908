import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Config, MattermostConfig } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import { ConfigError } from '../core/config-error.js'
import type { Refusal } from '../core/refusals.js'
import { decide } from '../front/decide.js'
import { errorFields, type Log } from '../front/log.js'
import { type Listeners, observe } from '../front/observer.js'
import { answerTo } from '../front/own-answers.js'
import { requestFacts } from '../front/request-facts.js'
import { writeAnswer } from '../front/write-answer.js'
import { ownCookieName } from '../gate/browser-cookies.js'
import type { Allowed, Decision } from '../gate/decision.js'
import { LiveGate } from '../gate/live-gate.js'
import type { OpenedGate } from '../gate/open-gate.js'
import { HeaderHygiene } from '../proxy/header-hygiene.js'
import { HttpForwarder } from '../proxy/http-forwarder.js'
import { UpstreamPool } from '../proxy/upstream-pool.js'
import { WebsocketForwarder } from '../proxy/websocket-forwarder.js'
import { type AnswerTracker, trackAnswers } from '../proxy/websocket-pipelining.js'
import { buildApp } from './app.js'
import { connectionErrors, type MendedConnections, mendConnections, watchConnections } from './connections.js'
import { addressOf, claimAddress, createServer, listen, renewTls } from './listener.js'
import { compareSiteUrl } from './site-url.js'

export interface GatewayOptions {
  readonly log: Log
  readonly clock: Clock
  /** Reads the configuration anew for `reload`; where it is left out only the files can change. */
  readonly readConfig?: () => Promise<Config>
  /** Told of what is in use after a reload. */
  readonly onReload?: (config: Config) => void
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
    const listeners: Listeners = { tokenReplaced: () => undefined, reloaded: () => undefined }
    await claimAddress(config)
    const live = await LiveGate.open({
      ...{ config, clock: options.clock, readConfig: options.readConfig ?? null },
      observer: observe(options.log, listeners),
    })
    const { opened } = live
    let parts: Parts | null = null
    try {
      parts = await assemble(config, mattermost, live, options)
      const { websockets, takeTlsFiles } = parts
      listeners.reloaded = (taken) => {
        options.onReload?.(taken)
        void takeTlsFiles()
      }
      listeners.tokenReplaced = (userId) => {
        const isOfUser = (allowed: Allowed) => allowed.user?.id === userId
        websockets.endWhere(isOfUser, 4409, 'the session was renewed: connect again')
      }
      await opened.audit.write({ event: 'start' })
      await compareSiteUrl(config, opened.client, options.log)
      await listen(parts.server, config)
      live.start(websockets)
      return new Gateway(parts)
    } catch (error) {
      if (parts !== null) await closeForwarding(parts)
      await live.close()
      throw error
    }
  }

  /** `127.0.0.1:8066`, or the path of the unix socket. */
  get address(): string {
    return addressOf(this.#parts.server)
  }

  /** Everything that may change while running is read anew, whole or not at all; the log says which. */
  reload(): Promise<void> {
    return this.#parts.live.reload()
  }

  /** No new connection; running requests finish within `timeouts.drain`, websockets get 1001. */
  async stop(): Promise<void> {
    const { server, live, drain } = this.#parts
    const { audit, gate } = live.opened
    drain.draining = true
    live.stop()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    const ended = Promise.all([closed, this.#parts.websockets.close(1001, 'the gateway stops')])
    // Whatever hangs, a request or an upgrade that is still being decided, holds up the end no longer.
    await Promise.race([ended, sleep(gate.ruling.config.timeouts.drainMs, undefined, { ref: false })])
    server.closeAllConnections()
    await closeForwarding(this.#parts)
    await audit.write({ event: 'stop' }).catch((error: unknown) => {
      this.#parts.log.error(errorFields(error), 'the stop could not be audited')
    })
    await live.close()
  }
}

async function closeForwarding({ app, forwarder }: Parts): Promise<void> {
  await app.close()
  await forwarder.close()
}

interface Parts {
  readonly server: Server
  readonly app: FastifyInstance
  readonly forwarder: HttpForwarder
  readonly websockets: WebsocketForwarder
  readonly live: LiveGate
  /** Takes the listener's own certificate and key as they now stand; without TLS of our own, nothing. */
  readonly takeTlsFiles: () => Promise<void>
  readonly drain: { draining: boolean }
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
  live: LiveGate,
  { log, clock }: GatewayOptions,
): Promise<Parts> {
  const { opened } = live
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
  const mended = mendConnections(server, config, (peer) => gate.ruling.intake.trusts(peer))
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
  const takeTlsFiles = () =>
    renewTls(server, gate.ruling.config).catch((error: unknown) =>
      log.error(errorFields(error), 'the certificate of the TLS listener was not taken anew'),
    )
  return { server, app, forwarder, websockets, live, takeTlsFiles, drain, log }
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
    clientIdleMs: config.timeouts.clientIdleMs,
    refuse: (response, allowed, refusal, notes) => {
      void refuseLate(gate, response, allowed, refusal, notes.retryAfterSeconds)
    },
    fault: (error, { requestId }) => log.error({ ...errorFields(error), requestId }, 'forwarding failed'),
    clock,
    onFinish: ({ requestId, request, user }, { status, bytes, complete }, durationMs) => {
      if (!gate.ruling.config.log.requests) return
      log.info(
        {
          ...{ requestId, method: request.method, path: request.path.raw },
          ...{ user: user?.username, status, bytes, complete, durationMs },
        },
        'request',
      )
    },
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

/**
 * A websocket lives long: one that was decided while a reload was under way is decided again, since the
 * sweep after the reload has not seen it.
 */
async function decideUnderOneRuling(gate: OpenedGate['gate'], request: IncomingMessage): Promise<Decision> {
  for (;;) {
    const { ruling } = gate
    const decision = await decide(gate, requestFacts(request), true)
    if (!decision.allowed || ruling === gate.ruling) return decision
  }
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
    admit: (request) => decideUnderOneRuling(gate, request),
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
