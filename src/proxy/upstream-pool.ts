import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { buildConnector, type Dispatcher, Pool } from 'undici'

export interface UpstreamPoolOptions {
  /** `mattermost.url`: an http or https origin. */
  readonly url: string
  readonly connectTimeoutMs: number
  /** Until an answer begins, and between two pieces of it. */
  readonly answerTimeoutMs: number
}

export interface UpstreamRequest {
  readonly method: string
  /** The request target, byte for byte as it is to be sent. */
  readonly path: string
  /** Name, value, name, value, … */
  readonly headers: string[]
  readonly body: Readable | null
}

/**
 * The types of undici leave it out: a name for TLS in place of the Host header's, each change of which
 * would make undici connect anew.
 */
interface PoolRequest extends Dispatcher.DispatchOptions {
  readonly servername: string
}

/** What one upstream may have to carry at once; whoever hands more to it waits without end. */
export const mostConnections = 512
/** Mattermost closes idle connections after 60 s; whoever gives up clearly sooner meets no closed one. */
const idleMs = 4_000
const longestIdleMs = 30_000
const maxHeaderBytes = 65_536

/**
 * Kept connections to Mattermost. One request at a time on each, no retries, no redirects; an https
 * upstream is verified against the host of its own URL, whatever Host the client sent.
 */
export class UpstreamPool {
  readonly #pool: Pool
  readonly #serverName: string

  constructor(options: UpstreamPoolOptions) {
    const url = new URL(options.url)
    this.#serverName = url.hostname
    this.#pool = new Pool(url.origin, {
      connect: connector(url.hostname, options.connectTimeoutMs),
      connections: mostConnections,
      pipelining: 1,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: longestIdleMs,
      headersTimeout: options.answerTimeoutMs,
      bodyTimeout: options.answerTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
    })
  }

  /** Errors, those of the arguments too, come to the handler's `onError`. */
  dispatch(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void {
    const { method, path, headers, body } = request
    const options: PoolRequest = { method, path, headers, body, servername: this.#serverName }
    this.#pool.dispatch(options, handler)
  }

  /** Ends every connection; what is under way fails. */
  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

/** Without it undici would verify the upstream's certificate against the client's Host header. */
function connector(hostname: string, timeoutMs: number): buildConnector.connector {
  const isName = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) === 0
  const connect = buildConnector({
    timeout: timeoutMs,
    rejectUnauthorized: true,
    ...(isName ? { servername: hostname } : {}),
  })
  return (options, callback) => {
    const toOwnHost = { ...options }
    delete toOwnHost.servername
    connect(toOwnHost, callback)
  }
}
