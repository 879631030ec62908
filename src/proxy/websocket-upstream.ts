import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP, type Socket } from 'node:net'
import { Refusal } from '../core/refusals.js'
import type { Allowed } from '../gate/decision.js'
import type { HeaderHygiene } from './header-hygiene.js'

export interface WebsocketUpstreamOptions {
  /** An origin, http or https; a certificate behind https is verified. */
  readonly origin: string
  readonly hygiene: HeaderHygiene
  /** Of the connection, with its TLS handshake. */
  readonly connectTimeoutMs: number
  /** Of the answer's head. */
  readonly answerTimeoutMs: number
}

/** The connection was switched, or Mattermost answered something else, or it did not answer. */
export type UpstreamReply =
  | {
      readonly kind: 'switched'
      readonly response: IncomingMessage
      readonly socket: Socket
      readonly head: Buffer
    }
  | { readonly kind: 'answered'; readonly response: IncomingMessage }
  | { readonly kind: 'failed'; readonly refusal: Refusal }

export interface UpstreamQuestion {
  readonly reply: Promise<UpstreamReply>
  /** The client is gone: the reply is of no use any more. */
  abort(): void
}

const largestAnswerHeadBytes = 65_536

/** Puts the client's opening handshake to Mattermost, each on a connection of its own. */
export class WebsocketUpstream {
  readonly #options: WebsocketUpstreamOptions
  readonly #target: https.RequestOptions
  readonly #secure: boolean
  readonly #agent: http.Agent

  constructor(options: WebsocketUpstreamOptions) {
    const { protocol, hostname, port } = new URL(options.origin)
    const host = hostname.replace(/^\[|\]$/g, '')
    this.#options = options
    this.#secure = protocol === 'https:'
    this.#agent = this.#secure ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false })
    this.#target = {
      host,
      port: port === '' ? (this.#secure ? 443 : 80) : Number(port),
      agent: this.#agent,
      maxHeaderSize: largestAnswerHeadBytes,
      // Else Node takes the client's Host for it. An address has no place in SNI (RFC 6066 §3).
      ...(this.#secure ? { servername: isIP(host) === 0 ? host : '', rejectUnauthorized: true } : {}),
    }
  }

  /** @throws TypeError for a target or headers that Node does not send: intake should have refused them. */
  ask(rawHeaders: readonly string[], allowed: Allowed): UpstreamQuestion {
    const { hygiene } = this.#options
    const headers = hygiene.requestHeaders(rawHeaders, allowed)
    headers.push('Connection', 'Upgrade', 'Upgrade', 'websocket')
    const request = (this.#secure ? https : http).request({
      ...this.#target,
      method: 'GET',
      path: hygiene.target(allowed),
      headers,
    })
    const reply = this.#replyTo(request)
    request.end()
    return { reply, abort: () => void request.destroy() }
  }

  close(): void {
    this.#agent.destroy()
  }

  #replyTo(request: ClientRequest): Promise<UpstreamReply> {
    const { connectTimeoutMs, answerTimeoutMs } = this.#options
    return new Promise((resolve) => {
      let deadline = setTimeout(late, connectTimeoutMs, 'connect')
      function settle(reply: UpstreamReply): void {
        clearTimeout(deadline)
        resolve(reply)
      }
      function late(phase: 'connect' | 'answer'): void {
        settle({ kind: 'failed', refusal: new Refusal('upstream_timeout', { detail: phase }) })
        request.destroy()
      }
      request.once('socket', (socket) => {
        socket.once(this.#secure ? 'secureConnect' : 'connect', () => {
          clearTimeout(deadline)
          deadline = setTimeout(late, answerTimeoutMs, 'answer')
        })
      })
      // Stays for the life of the request: what fails after the reply is told by its socket.
      request.on('error', (error) => settle({ kind: 'failed', refusal: unreachable(error) }))
      request.once('response', (response) => settle({ kind: 'answered', response }))
      request.once('upgrade', (response, socket: Socket, head) => {
        socket.on('error', () => socket.destroy())
        settle({ kind: 'switched', response, socket, head })
      })
    })
  }
}

function unreachable(error: Error): Refusal {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  return new Refusal('upstream_unreachable', { detail: code })
}
