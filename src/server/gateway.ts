import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Config, MattermostConfig } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import { ConfigError } from '../core/config-error.js'
import { Refusal } from '../core/refusals.js'
import { decide } from '../front/decide.js'
import { errorFields, type Log } from '../front/log.js'
import { type Listeners, observe } from '../front/observer.js'
import { answerTo } from '../front/own-answers.js'
import { peerOf, requestFacts } from '../front/request-facts.js'
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
import { Instruments } from './instruments.js'
import { addressOf, claimAddress, createServer, listen, renewTls } from './listener.js'
import { limitPipelining } from './pipelining-limit.js'
import type { SystemdNotify } from './systemd-notify.js'

export interface GatewayOptions {
  readonly log: Log
  readonly clock: Clock
  /** Reads the configuration anew for `reload`; where it is left out only the files can change. */
  readonly readConfig?: () => Promise<Config>
  /** Told of what is in use after a reload. */
  readonly onReload?: (config: Config) => void
  /** Told when the gateway is ready, reloads and stops. */
  readonly notify?: SystemdNotify
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
    const { log, clock, readConfig = null, notify = null } = options
    await claimAddress(config)
    const instruments = await Instruments.start(config, { log, clock, notify })
    const closing: (() => Promise<void>)[] = [() => instruments.close()]
    try {
      const observer = instruments.watch(observe(log, listeners))
      const { measures } = instruments
      const live = await LiveGate.open({ config, clock, readConfig, observer, measures })
      closing.unshift(() => live.close())
      const parts = await assemble(config, mattermost, { live, instruments, log, clock })
      closing.unshift(() => closeForwarding(parts))
      const { websockets, takeTlsFiles, server } = parts
      listeners.reloaded = (taken) => {
        options.onReload?.(taken)
        void takeTlsFiles().then(() => instruments.noteEnds(live))
      }
      listeners.tokenReplaced = (userId) => {
        const isOfUser = (allowed: Allowed) => allowed.user?.id === userId
        websockets.endWhere(isOfUser, 4409, 'the session was renewed: connect again')
      }
      await live.opened.audit.write({ event: 'start' })
      await listen(server, config)
      live.start(websockets)
      const gateway = new Gateway(parts)
      await instruments.ready(live, gateway.address)
      return gateway
    } catch (error) {
      for (const close of closing) await close()
      throw error
    }
  }

  /** `127.0.0.1:8066`, or the path of the unix socket. */
  get address(): string {
    return addressOf(this.#parts.server)
  }

  /** Where the metrics are; null: nowhere. */
  get metricsAddress(): string | null {
    return this.#parts.instruments.address
  }

  /** Everything that may change while running is read anew, whole or not at all; the log says which. */
  reload(): Promise<void> {
    const { live, instruments } = this.#parts
    return instruments.reloading(() => live.reload())
  }

  /** No new connection; running requests finish within `timeouts.drain`, websockets get 1001. */
  async stop(): Promise<void> {
    const { server, live, drain, instruments } = this.#parts
    const { audit, gate } = live.opened
    drain.draining = true
    instruments.draining()
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
    await instruments.close()
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
  readonly instruments: Instruments
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

interface Foundation {
  readonly live: LiveGate
  readonly instruments: Instruments
  readonly log: Log
  readonly clock: Clock
}

async function assemble(
  config: Config,
  mattermost: MattermostConfig,
  foundation: Foundation,
): Promise<Parts> {
  const { live, instruments, log } = foundation
  const { opened } = live
  const drain = { draining: false }
  const hygiene = new HeaderHygiene({
    publicUrl: config.public.url,
    certificateHeader: config.proxy.certificateHeader,
    subjectHeader: config.proxy.subjectHeader,
    verifyHeader: config.proxy.verifyHeader,
    ownCookieName: ownCookieName(opened.cookieStyle),
  })
  const forwarder = createForwarder(config, mattermost, hygiene, foundation)
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
      handlers.request = limitPipelining(answers, handler, (socket) => void refusePipelining(gate, socket))
      return server
    },
    ...{ gate, forwarder, upstream: mattermost.url, own: opened },
    connectionError: errors.onError,
    broken: errors.broken,
    draining: () => drain.draining,
  })
  watchConnections(server, opened)
  const websockets = createWebsockets(config, mattermost, foundation, { hygiene, answers, mended })
  server.on('upgrade', (request, socket, head) => websockets.upgrade(request, socket, head))
  const takeTlsFiles = () =>
    renewTls(server, gate.ruling.config).catch((error: unknown) =>
      log.error(errorFields(error), 'the certificate of the TLS listener was not taken anew'),
    )
  return { server, app, forwarder, websockets, live, instruments, takeTlsFiles, drain, log }
}

function createForwarder(
  config: Config,
  mattermost: MattermostConfig,
  hygiene: HeaderHygiene,
  { live, instruments, log, clock }: Foundation,
): HttpForwarder {
  const { gate } = live.opened
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
    fault: (error, { requestId }) => {
      instruments.metrics.faulted(error)
      log.error({ ...errorFields(error), requestId }, 'forwarding failed')
    },
    watch: instruments.upstream,
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

async function refusePipelining(gate: OpenedGate['gate'], socket: Socket): Promise<void> {
  const facts = { method: '', target: '', rawHeaders: [], peer: peerOf(socket) }
  const detail = 'more requests at once on one connection than anybody needs'
  await gate.refuseFacts(facts, new Refusal('overloaded', { detail }))
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
}

function createWebsockets(
  config: Config,
  mattermost: MattermostConfig,
  { live, instruments, log, clock }: Foundation,
  { hygiene, answers, mended }: WebsocketParts,
): WebsocketForwarder {
  const { gate } = live.opened
  const { metrics } = instruments
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
    opened: () => metrics.websocketOpened(),
    ended: (allowed, end) => {
      metrics.websocketEnded(end.code)
      void gate.websocketEnded(allowed, end)
    },
    fault: (error) => {
      metrics.faulted(error)
      log.error(errorFields(error), 'a websocket failed')
    },
  })
}
