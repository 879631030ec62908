import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Config, MetricsAddress } from '../../config/config.js'
import { ConfigError } from '../../core/config-error.js'
import { errorFields, type Log } from '../../front/log.js'
import { pageHeaders } from '../../pages/page.js'
import { addressOf, claimAddress, listen } from '../listener.js'
import type { GatewayMetrics } from './gateway-metrics.js'
import { isOwnHost } from './loopback-host.js'
import type { Readiness } from './readiness.js'
import { describeStatus, statusPage } from './status-page.js'

export interface MetricsListenerOptions {
  readonly metrics: GatewayMetrics
  readonly readiness: Readiness
  readonly log: Log
  readonly version: string
}

/** Enough for a few scrapers and probes; whoever comes beyond is closed at once. */
const mostConnections = 64

/**
 * `/metrics`, `/healthz`, `/readyz` and `/status`, on an address of their own. It holds nothing that the
 * public listener needs: when it is stuck or full, people are signed in all the same.
 */
export class MetricsListener {
  readonly #server: http.Server
  readonly #options: MetricsListenerOptions
  readonly #host: string | null

  private constructor(where: MetricsAddress, options: MetricsListenerOptions) {
    this.#options = options
    this.#host = where.kind === 'tcp' ? where.host : null
    this.#server = http.createServer(bounds, (request, response) => void this.#answer(request, response))
    this.#server.maxConnections = mostConnections
  }

  /**
   * Null where the configuration names no address. Start it before anything slow, so that `/readyz` can
   * say `starting`.
   *
   * @throws ConfigError where the address cannot be had
   */
  static async start(config: Config, options: MetricsListenerOptions): Promise<MetricsListener | null> {
    if (config.metrics === null) return null
    const listener = new MetricsListener(config.metrics, options)
    const where = withAddress(config, config.metrics)
    try {
      await claimAddress(where)
      await listen(listener.#server, where)
    } catch (error) {
      throw error instanceof ConfigError ? ofMetrics(error) : error
    }
    return listener
  }

  /** `127.0.0.1:9108`, or the path of the unix socket. */
  get address(): string {
    return addressOf(this.#server)
  }

  /** Last of all, so that `draining` can be seen until the end. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer
    try {
      answer = await this.#decide(request)
    } catch (error) {
      this.#options.log.error(errorFields(error), 'the metrics listener failed')
      answer = text(500, 'This failed: see the log of mattergate.')
    }
    write(response, answer)
  }

  #decide(request: IncomingMessage): Answer | Promise<Answer> {
    if (!isOwnHost(request, this.#host)) {
      return text(421, 'This address does not belong to this listener: use the address of metrics.host.')
    }
    const [path = ''] = (request.url ?? '').split('?')
    const found = this.#paths.get(path)
    if (found === undefined) {
      return text(404, `Not found. There are: ${[...this.#paths.keys()].join(', ')}.`)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { ...text(405, 'Only GET and HEAD are answered here.'), headers: { Allow: 'GET, HEAD' } }
    }
    return found(request)
  }

  readonly #paths: ReadonlyMap<string, (request: IncomingMessage) => Answer | Promise<Answer>> = new Map<
    string,
    (request: IncomingMessage) => Answer | Promise<Answer>
  >([
    ['/metrics', () => this.#metrics()],
    ['/healthz', () => text(200, 'ok')],
    ['/readyz', () => this.#readiness()],
    ['/status', (request: IncomingMessage) => this.#status(request)],
  ])

  async #metrics(): Promise<Answer> {
    const { metrics } = this.#options
    return { status: 200, type: metrics.contentType, body: await metrics.text() }
  }

  #readiness(): Answer {
    const report = this.#options.readiness.report()
    return json(report.status === 'unready' ? 503 : 200, report)
  }

  #status(request: IncomingMessage): Answer {
    const { metrics, readiness, version } = this.#options
    const about = { version, uptimeSeconds: process.uptime() }
    const status = describeStatus(readiness.report(), metrics.counts, about)
    if (!(request.headers.accept ?? '').includes('text/html')) return json(200, status)
    return { status: 200, type: 'text/html; charset=utf-8', body: statusPage(status), headers: pageHeaders }
  }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

const bounds: http.ServerOptions = {
  maxHeaderSize: 8_192,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  insecureHTTPParser: false,
}

/** The same claim and the same binding as of the public listener, at another address. */
function withAddress(config: Config, where: MetricsAddress): Config {
  const address = where.kind === 'tcp' ? where : { ...where, mode: 0o660 }
  return { ...config, listen: { ...address, tls: null, multilineHeader: false } }
}

function ofMetrics(error: ConfigError): ConfigError {
  return new ConfigError(
    error.issues.map((issue) => ({ ...issue, message: issue.message.replace(/^listen:/, 'metrics:') })),
  )
}

function text(status: number, sentence: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${sentence}\n` }
}

function json(status: number, body: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` }
}

/** Node leaves the body out for HEAD. */
function write(response: ServerResponse, { status, type, body, headers }: Answer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  response.end(body)
}
