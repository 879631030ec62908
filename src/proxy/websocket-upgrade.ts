import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Refusal } from '../core/refusals.js'
import type { Allowed, Decision, Refused } from '../gate/decision.js'
import type { Answer } from '../pages/refusal-answer.js'
import { answerOn } from './websocket-answer.js'
import type { EarlyBytes } from './websocket-bridge.js'
import type { CloseFrames } from './websocket-close-frame.js'
import { accepts, clientKey } from './websocket-handshake.js'
import type { AnswerTracker } from './websocket-pipelining.js'
import type { UpstreamQuestion, UpstreamReply, WebsocketUpstream } from './websocket-upstream.js'

type Switched = Extract<UpstreamReply, { kind: 'switched' }>

/** What an upgrade ended in, if it was agreed to. */
export interface Agreed {
  readonly allowed: Allowed
  /** Of the 101, but for Connection and Upgrade. */
  readonly headers: readonly string[]
  readonly client: Socket
  readonly upstream: Socket
  readonly early: EarlyBytes
  /** The end of it was asked for meanwhile. */
  readonly endWith: CloseFrames | null
}

export interface UpgradeParts {
  readonly upstream: WebsocketUpstream
  readonly answers: AnswerTracker
  readonly answerTimeoutMs: number
  readonly admit: (request: IncomingMessage) => Promise<Decision>
  readonly refuse: (request: IncomingMessage, refusal: Refusal, allowed: Allowed | null) => Promise<Refused>
  readonly answer: (refused: Refused) => Answer
  readonly answerHeaders: (response: IncomingMessage, allowed: Allowed) => string[]
  readonly fault: (error: unknown) => void
  /** False: there are too many websockets. */
  readonly reserve: () => boolean
  readonly agreed: (upgrade: WebsocketUpgrade, agreed: Agreed) => void
  /** The connection is closed, and there was no websocket. */
  readonly over: (upgrade: WebsocketUpgrade) => void
}

/** No client has a reason to send before the 101; what it does send waits in memory up to here. */
const mostEarlyBytes = 65_536
/** How long a client may take to fetch a refusal and to close. */
const lingerMs = 5_000

/** A request to switch to a websocket, until it has: decided, asked upstream, and only then answered. */
export class WebsocketUpgrade {
  /** Null until the decision. */
  allowed: Allowed | null = null
  /** Whether it counts among the websockets. */
  reserved = false

  readonly #parts: UpgradeParts
  readonly #request: IncomingMessage
  readonly #socket: Socket
  #early: Buffer[] | null
  #earlyBytes: number
  #endWith: CloseFrames | null = null
  #question: UpstreamQuestion | null = null
  #passing: IncomingMessage | null = null
  #stopping = false
  #clientEnded = false
  #behindAnswers = false
  #timer: NodeJS.Timeout | null = null

  constructor(parts: UpgradeParts, request: IncomingMessage, head: Buffer) {
    this.#parts = parts
    this.#request = request
    this.#socket = request.socket
    this.#early = head.length === 0 ? [] : [head]
    this.#earlyBytes = head.length
  }

  async run(): Promise<void> {
    const { answers, fault } = this.#parts
    try {
      this.#listen()
      if (answers.unanswered(this.#socket) === 0) await this.#decide()
      else await this.#refuseBehindAnswers()
    } catch (error) {
      fault(error)
      await this.#refuse(new Refusal('internal'), this.allowed)
    }
  }

  /** If a websocket comes of it, it is closed at once. */
  endWith(frames: CloseFrames): void {
    this.#endWith ??= frames
  }

  /** The gateway stops. */
  stop(): void {
    this.#stopping = true
    if (this.#passing !== null) this.#destroyAfter(lingerMs)
    this.#question?.abort()
  }

  /** Of the connection: read from the first moment on, as else nobody sees that the client is gone. */
  #listen(): void {
    const socket = this.#socket
    socket.setTimeout(0)
    socket.on('data', this.#received)
    socket.on('end', this.#ended)
    socket.on('close', this.#closed)
    socket.resume()
  }

  readonly #received = (chunk: Buffer): void => {
    if (this.#early === null) return
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes >= mostEarlyBytes) this.#socket.pause()
  }

  /** Nobody is left to talk to, but a refusal may still be read. */
  readonly #ended = (): void => {
    this.#clientEnded = true
    const unanswered = this.#question !== null && this.#passing === null
    // Node ends an unanswered request with its client; that listener went with the upgrade.
    if (unanswered || this.#behindAnswers) this.#socket.destroy()
  }

  readonly #closed = (): void => {
    this.#clearTimer()
    this.#question?.abort()
    this.#passing?.destroy()
    this.#parts.over(this)
  }

  async #decide(): Promise<void> {
    const decision = await this.#parts.admit(this.#request)
    if (!decision.allowed) {
      this.#answer(decision)
      return
    }
    this.allowed = decision
    const key = clientKey(this.#request)
    if (key instanceof Refusal) return this.#refuse(key, decision)
    if (this.#clientEnded || this.#socket.destroyed) {
      this.#socket.destroy()
      return
    }
    this.reserved = !this.#stopping && this.#parts.reserve()
    if (!this.reserved) return this.#refuse(overloaded(this.#stopping), decision)
    this.#question = this.#parts.upstream.ask(this.#request.rawHeaders, decision)
    const reply = await this.#question.reply
    this.#question = null
    await this.#follow(reply, key, decision)
  }

  async #follow(reply: UpstreamReply, key: string, allowed: Allowed): Promise<void> {
    if (this.#socket.destroyed || this.#stopping) {
      discard(reply)
      return this.#refuse(overloaded(true), allowed)
    }
    if (reply.kind === 'failed') return this.#refuse(reply.refusal, allowed)
    if (reply.kind === 'switched' && accepts(reply.response, key)) this.#agree(reply, allowed)
    // Node calls a 101 that switches to nothing an answer too, as it does a status that is none.
    else if (reply.kind === 'answered' && isFinal(reply.response)) {
      this.#passOn(reply.response, allowed)
    } else {
      discard(reply)
      await this.#refuse(noWebsocket(), allowed)
    }
  }

  #agree(reply: Switched, allowed: Allowed): void {
    const socket = this.#socket
    const headers = this.#parts.answerHeaders(reply.response, allowed)
    socket.off('data', this.#received)
    socket.off('end', this.#ended)
    socket.off('close', this.#closed)
    const early = this.#early ?? []
    const { socket: upstream, head } = reply
    this.#parts.agreed(this, {
      ...{ allowed, headers, client: socket, upstream },
      early: { fromClient: early, fromUpstream: head },
      endWith: this.#endWith,
    })
  }

  /** Mattermost says no in its own words. */
  #passOn(upstream: IncomingMessage, allowed: Allowed): void {
    this.#passing = upstream
    const response = this.#beginAnswer(
      upstream.statusCode ?? 502,
      this.#parts.answerHeaders(upstream, allowed),
    )
    const { answerTimeoutMs } = this.#parts
    this.#destroyAfter(answerTimeoutMs)
    upstream.on('data', (chunk: Buffer) => {
      if (!this.#stopping) this.#timer?.refresh()
      if (!response.write(chunk)) upstream.pause()
    })
    response.on('drain', () => upstream.resume())
    upstream.on('end', () => {
      response.end()
      this.#destroyAfter(lingerMs)
    })
    upstream.on('error', () => this.#socket.destroy())
  }

  /** A request that was sent without waiting for the answers of earlier ones: these are completed first. */
  async #refuseBehindAnswers(): Promise<void> {
    this.#early = null
    this.#behindAnswers = true
    await this.#parts.answers.whenAnswered(this.#socket)
    this.#behindAnswers = false
    await this.#refuse(new Refusal('upgrade_refused', { detail: 'behind an unanswered request' }), null)
  }

  async #refuse(refusal: Refusal, allowed: Allowed | null): Promise<void> {
    const { refuse, fault } = this.#parts
    if (this.#socket.destroyed) return
    try {
      this.#answer(await refuse(this.#request, refusal, allowed))
    } catch (error) {
      fault(error)
      this.#socket.destroy()
    }
  }

  #answer(refused: Refused): void {
    if (this.#socket.destroyed) return
    const { status, headers, body } = this.#parts.answer(refused)
    this.#beginAnswer(status, Object.entries(headers).flat()).end(body)
    this.#destroyAfter(lingerMs)
  }

  #beginAnswer(status: number, headers: string[]): ServerResponse {
    this.#early = null
    this.#socket.resume()
    return answerOn(this.#request, this.#socket).writeHead(status, headers)
  }

  #destroyAfter(delayMs: number): void {
    this.#clearTimer()
    if (!this.#socket.destroyed) this.#timer = setTimeout(() => void this.#socket.destroy(), delayMs)
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

function isFinal({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode <= 999
}

function discard(reply: UpstreamReply): void {
  if (reply.kind === 'switched') reply.socket.destroy()
  else if (reply.kind === 'answered') reply.response.destroy()
}

function overloaded(stopping: boolean): Refusal {
  return new Refusal('overloaded', {
    detail: stopping ? 'the gateway stops' : 'as many websockets as limits.websockets allows',
  })
}

function noWebsocket(): Refusal {
  return new Refusal('upstream_unreachable', { detail: 'the answer does not agree to the websocket' })
}
