import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import { Refusal } from '../core/refusals.js'
import type { Allowed } from '../gate/decision.js'
import type { UpstreamSession } from '../mattermost/sign-in.js'
import type { HeaderHygiene } from './header-hygiene.js'
import type { ClientConnections, Conversation } from './http-client-connections.js'
import { HeldAnswer, mayNameDeadToken } from './http-held-answer.js'
import { declaredLength, drainRequest, RequestBody } from './http-request-body.js'
import type { StalledClients, Waiting } from './http-stalled-clients.js'
import { upstreamRefusal } from './http-upstream-error.js'
import type { UpstreamPool } from './upstream-pool.js'
import type { UpstreamSlots } from './upstream-slots.js'

/** How a request ended, for the log and the metrics. */
export interface ForwardOutcome {
  /** Null: nothing was answered, the client was gone before. */
  readonly status: number | null
  /** Of the answer's body, as sent to the client. */
  readonly bytes: number
  /** False: the client left, or the answer broke off. */
  readonly complete: boolean
}

/** Answers with a refusal in the form that the client understands; nothing was sent to it yet. */
export type Refuse = (
  response: ServerResponse,
  allowed: Allowed,
  refusal: Refusal,
  notes: { readonly retryAfterSeconds?: number },
) => void

/** Told of what Mattermost does, for the metrics; never throws. */
export interface UpstreamWatch {
  /** The head of an answer has come. */
  answered(durationMs: number): void
  failed(refusal: Refusal): void
}

export interface ExchangeParts {
  readonly pool: UpstreamPool
  readonly hygiene: HeaderHygiene
  readonly clients: ClientConnections
  readonly bodyBytes: number
  readonly stalled: StalledClients
  readonly slots: UpstreamSlots
  readonly refuse: Refuse
  readonly fault: (error: unknown, allowed: Allowed) => void
  readonly watch: UpstreamWatch
  readonly finished: ((outcome: ForwardOutcome) => void) | null
}

/**
 * One request on its way to Mattermost and its answer on the way back. It is undici's handler itself,
 * in the form that undici calls without a wrapper: headers as bytes, back-pressure by return value.
 */
export class HttpExchange implements Dispatcher.DispatchHandler, Conversation, Waiting {
  readonly #parts: ExchangeParts
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #socket: Socket
  #allowed: Allowed
  #abort: ((error?: Error) => void) | null = null
  #resume: (() => void) | null = null
  #held: HeldAnswer | null = null
  #repeated = false
  #settled = false
  #bytes = 0
  #sentAt = 0
  #hasSlot = false
  #body: RequestBody | null = null
  /** The client has not yet taken what was written to it. */
  #full = false

  constructor(parts: ExchangeParts, request: IncomingMessage, response: ServerResponse, allowed: Allowed) {
    this.#parts = parts
    this.#request = request
    this.#response = response
    this.#socket = request.socket
    this.#allowed = allowed
  }

  start(): void {
    this.#parts.clients.begin(this.#socket, this)
    if (this.#socket.destroyed) this.clientGone()
    else if ((declaredLength(this.#request) ?? 0) > this.#parts.bodyBytes) {
      this.#refuse(new Refusal('body_too_large'))
    } else {
      const taken = this.#parts.slots.take(this.#holder, (slot) => this.#granted(slot))
      if (taken !== null) this.#granted(taken)
    }
  }

  /** Whom the connection to Mattermost counts for: a person, else whoever sends without being known. */
  get #holder(): string {
    const { user, certificate, request } = this.#allowed
    return user?.id ?? certificate?.facts.sha256 ?? `address ${request.clientIp ?? 'unknown'}`
  }

  #granted(slot: boolean): void {
    if (!slot) {
      if (!this.#settled)
        this.#refuse(new Refusal('overloaded', { detail: 'no connection to Mattermost is free' }))
      return
    }
    if (this.#settled) {
      this.#parts.slots.free(this.#holder)
      return
    }
    this.#hasSlot = true
    if (this.#hasBody()) {
      this.#body = new RequestBody(this.#request, this.#parts.bodyBytes)
      this.#parts.stalled.watch(this)
    }
    this.#dispatch(this.#body)
  }

  get progress(): number | null {
    return this.#full ? this.#bytes : (this.#body?.progress ?? null)
  }

  /** Its connection closes, and everything under way with it. */
  cutOff(): void {
    this.#socket.destroy()
  }

  clientGone(): void {
    if (this.#settled) return
    this.#settle(this.#begunStatus, false)
    this.#abort?.()
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#settled) abort()
    else this.#abort = abort
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void): boolean {
    // 103 and its like are for a later turn of the protocol; the answer comes after them.
    if (this.#settled || status < 200) return true
    this.#parts.watch.answered(performance.now() - this.#sentAt)
    this.#resume = resume
    if (this.#mayRepeat() && mayNameDeadToken(status, headers)) this.#held = new HeldAnswer(status, headers)
    else this.#begin(status, headers)
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#settled) return true
    if (this.#held === null) return this.#write(chunk)
    if (this.#held.add(chunk)) return true
    const held = this.#held
    this.#held = null
    this.#begin(held.status, held.headers)
    return this.#write(held.body)
  }

  onComplete(): void {
    if (this.#settled) return
    if (this.#held === null) this.#end()
    else void this.#examine(this.#held)
  }

  onError(error: Error): void {
    if (this.#settled) return
    const refusal = upstreamRefusal(error)
    this.#parts.watch.failed(refusal)
    if (refusal.code === 'internal') this.#parts.fault(error, this.#allowed)
    this.#refuse(refusal)
  }

  /** A head whose body is slow to come goes out alone; else Node sends both in one write. */
  flushHead(): void {
    if (this.#bytes === 0 && !this.#settled) this.#response.flushHeaders()
  }

  #dispatch(body: RequestBody | null): void {
    const { hygiene, pool } = this.#parts
    const headers = hygiene.requestHeaders(this.#request.rawHeaders, this.#allowed)
    const { method } = this.#allowed.request
    this.#sentAt = performance.now()
    pool.dispatch({ method, path: hygiene.target(this.#allowed), headers, body }, this)
  }

  #begin(status: number, headers: readonly Buffer[]): void {
    const response = this.#response
    response.writeHead(status, this.#parts.hygiene.answerHeaders(headers, this.#allowed, status))
    // A 304 may state the length of what it does not send, which undici takes for a broken answer.
    if (status === 304) this.#end()
    else process.nextTick(flushHead, this)
  }

  #write(chunk: Buffer): boolean {
    this.#bytes += chunk.length
    const room = this.#response.write(chunk)
    if (!room && this.#resume !== null) this.#waitForClient(this.#resume)
    return room
  }

  #waitForClient(resume: () => void): void {
    this.#full = true
    this.#parts.stalled.watch(this)
    this.#response.once('drain', () => {
      this.#full = false
      resume()
    })
  }

  #end(): void {
    this.#response.end()
    this.#settle(this.#begunStatus, true)
  }

  /** In the middle of an answer there is only one way to say that the rest is missing. */
  #refuse(refusal: Refusal, notes: { readonly retryAfterSeconds?: number } = {}): void {
    if (this.#response.headersSent) {
      this.#response.destroy()
      this.#settle(this.#begunStatus, false)
      return
    }
    this.#parts.refuse(this.#response, this.#allowed, refusal, notes)
    this.#settle(refusal.status, true)
  }

  get #begunStatus(): number | null {
    return this.#response.headersSent ? this.#response.statusCode : null
  }

  #settle(status: number | null, complete: boolean): void {
    this.#settled = true
    this.#parts.stalled.forget(this)
    if (this.#hasSlot) this.#parts.slots.free(this.#holder)
    this.#parts.clients.end(this.#socket, this)
    if (complete && this.#hasBody()) drainRequest(this.#request)
    this.#parts.finished?.({ status, bytes: this.#bytes, complete })
  }

  /** The 401 is whole and the connection it came by is free again. */
  async #examine(held: HeldAnswer): Promise<void> {
    try {
      const { session } = this.#allowed.forwarding
      const verdict = session !== null && (await held.namesDeadToken()) ? await session.condemn() : 'accepted'
      if (!this.#settled) this.#follow(verdict, held)
    } catch (error) {
      this.#parts.fault(error, this.#allowed)
      if (!this.#settled) this.#refuse(new Refusal('sign_in_unavailable'))
    }
  }

  #follow(verdict: 'accepted' | UpstreamSession | Refusal, held: HeldAnswer): void {
    this.#held = null
    if (verdict instanceof Refusal) this.#refuse(verdict)
    else if (verdict === 'accepted') {
      this.#begin(held.status, held.headers)
      this.#write(held.body)
      this.#end()
    } else if (this.#allowed.request.method === 'GET' && !this.#hasBody()) {
      this.#repeated = true
      this.#allowed = { ...this.#allowed, forwarding: { ...this.#allowed.forwarding, session: verdict } }
      this.#dispatch(null)
    } else {
      // Mattermost refused it before doing anything, but what was sent is not sent twice by us.
      const detail = 'the token was replaced; the client repeats what it sent'
      this.#refuse(new Refusal('sign_in_unavailable', { detail }), { retryAfterSeconds: 1 })
    }
  }

  /** An answer to HEAD has no body, so it never names its reason. */
  #mayRepeat(): boolean {
    const { forwarding, request } = this.#allowed
    return (
      forwarding.session !== null &&
      !this.#repeated &&
      request.method !== 'HEAD' &&
      request.path.decoded.startsWith('/api/v4/')
    )
  }

  #hasBody(): boolean {
    return declaredLength(this.#request) !== 0
  }
}

function flushHead(exchange: HttpExchange): void {
  exchange.flushHead()
}
