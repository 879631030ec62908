import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Config } from './config/config.js'
import { type FrontGate, type GateOptions, openFrontGate } from './front/create-gate.js'
import { decide } from './front/decide.js'
import { answerTo, ownAnswer } from './front/own-answers.js'
import { requestFacts } from './front/request-facts.js'
import { writeAnswer, writeRawAnswer } from './front/write-answer.js'
import type { Allowed, Decision } from './gate/decision.js'

export interface CertificateGateOptions extends GateOptions {
  /** Of `loadConfig`, or a plain object of the YAML's shape. */
  readonly config: Config | object
}

/** Express cuts `url` under a mount and keeps the whole in `originalUrl`. */
export interface GatedRequest extends IncomingMessage {
  originalUrl?: string
  /** Set before `next` is called: what comes behind the gate is allowed. */
  decision?: Allowed
}

export interface CertificateGate {
  (request: GatedRequest, response: ServerResponse, next: (error?: unknown) => void): void
  /**
   * For the host's `server.on('upgrade', …)`: upgrades never reach middleware. Answers a refusal and ends
   * the connection; an allowed one is handed to `next`, and is nobody's before. Never rejects: null where
   * the gate could not be opened.
   */
  upgrade(
    request: GatedRequest,
    socket: Duplex,
    head: Buffer,
    next?: UpgradeHandler,
  ): Promise<Decision | null>
  /** Resolves when CAs, store and audit are open; rejects with ConfigError. Requests wait for it. */
  readonly ready: Promise<void>
  /** Closes what is open. */
  close(): Promise<void>
}

export type UpgradeHandler = (request: GatedRequest, socket: Duplex, head: Buffer) => void

/**
 * `(req, res, next)` for Express 4 and 5, Connect, or anything on `node:http`. Requests wait until the gate
 * is open; where it cannot be opened each one ends in `next(error)`, and `ready` says why.
 */
export function certificateGate({ config, ...options }: CertificateGateOptions): CertificateGate {
  const opening = openFrontGate(config, options)
  const ready = opening.then(() => undefined)
  // Whoever does not look at `ready` gets the error with every request.
  ready.catch(() => undefined)
  const middleware = (request: GatedRequest, response: ServerResponse, next: (error?: unknown) => void) => {
    opening.then((front) => pass(front, request, response)).then((passed) => passed && next(), next)
  }
  return Object.assign(middleware, {
    ready,
    upgrade: async (request: GatedRequest, socket: Duplex, head: Buffer, next?: UpgradeHandler) => {
      const front = await opening.catch(() => null)
      if (front !== null) return passUpgrade(front, request, socket, head, next)
      socket.destroy()
      return null
    },
    close: async () => (await opening).close(),
  })
}

async function passUpgrade(
  { opened }: FrontGate,
  request: GatedRequest,
  socket: Duplex,
  head: Buffer,
  next: UpgradeHandler | undefined,
): Promise<Decision> {
  // Node has taken its own listener away, and an error meanwhile would be nobody's.
  const destroy = (): void => void socket.destroy()
  socket.on('error', destroy)
  const decision = await decide(opened.gate, requestFacts(request, target(request)), true)
  if (!decision.allowed) {
    writeRawAnswer(socket, answerTo(decision))
    return decision
  }
  request.decision = decision
  next?.(request, socket, head)
  socket.off('error', destroy)
  return decision
}

/** @returns whether it may go on; otherwise it has been answered */
async function pass(front: FrontGate, request: GatedRequest, response: ServerResponse): Promise<boolean> {
  const decision = await decide(front.opened.gate, requestFacts(request, target(request)), false)
  const answer = ownAnswer(decision, front.opened)
  if (answer !== null) writeAnswer(request, response, answer)
  else if (decision.allowed) request.decision = decision
  return answer === null
}

function target({ originalUrl, url }: GatedRequest): string {
  return originalUrl ?? url ?? ''
}
