import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector, request } from 'undici'
import { isPublicAddress } from './address.js'

export interface FetchPolicy {
  /** `host` (any port) or `host:port`, compared exactly and without regard to case. */
  readonly allow: readonly string[]
  /** Whether loopback, private and other special addresses may be connected to. */
  readonly private: boolean
}

export interface FetchRequest {
  readonly url: string
  readonly maxBytes: number
  /** Bounds the whole exchange: name, connection, headers and body. */
  readonly timeoutMs: number
  /** POST when given, else GET. */
  readonly body?: { readonly bytes: Uint8Array; readonly contentType: string }
  readonly accept: string
}

export type FetchFailure =
  | 'url_refused'
  | 'host_not_allowed'
  | 'address_refused'
  | 'bad_status'
  | 'bad_content_type'
  | 'too_large'
  | 'timeout'
  | 'unreachable'
  | 'overloaded'
  | 'closed'

export type FetchResult = { readonly bytes: Buffer } | { readonly failure: FetchFailure }

class AddressRefused extends Error {}

/**
 * Bounds one exchange. Not by `AbortSignal.any` over `AbortSignal.timeout`: on Node 20 the garbage collector may
 * take such a signal before its time has come, and the exchange would last for ever.
 */
class Exchange {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => this.abort(), timeoutMs)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(): void {
    this.#controller.abort()
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

/** Does one exchange under the policy. No redirects, no proxy, no credentials; failures are values. */
export class Fetcher {
  readonly #allow: ReadonlySet<string>
  readonly #agent: Agent
  readonly #underWay = new Set<Exchange>()
  #closed = false

  /** `lookup` stands in for the system's resolver in tests. */
  constructor(policy: FetchPolicy, lookup: LookupFunction = systemLookup) {
    this.#allow = new Set(policy.allow.map((host) => host.toLowerCase()))
    this.#agent = new Agent({ connect: guardedConnector(policy.private, lookup), connections: 16 })
  }

  /** Why nothing is ever fetched from there; null: it may be tried. */
  refusalOf(address: string): 'url_refused' | 'host_not_allowed' | null {
    const url = URL.canParse(address) ? new URL(address) : null
    if (
      url === null ||
      !['http:', 'https:'].includes(url.protocol) ||
      url.username !== '' ||
      url.password !== ''
    )
      return 'url_refused'
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    const isAllowed = this.#allow.has(url.hostname) || this.#allow.has(`${url.hostname}:${port}`)
    return isAllowed ? null : 'host_not_allowed'
  }

  async fetch(wanted: FetchRequest): Promise<FetchResult> {
    const refused = this.refusalOf(wanted.url)
    if (refused !== null) return { failure: refused }
    const url = new URL(wanted.url)
    const exchange = new Exchange(wanted.timeoutMs)
    this.#underWay.add(exchange)
    try {
      return await this.#exchange(url, wanted, exchange.signal)
    } catch (error) {
      if (error instanceof AddressRefused) return { failure: 'address_refused' }
      if (this.#closed) return { failure: 'closed' }
      return { failure: exchange.signal.aborted ? 'timeout' : 'unreachable' }
    } finally {
      exchange.end()
      this.#underWay.delete(exchange)
    }
  }

  async #exchange(url: URL, wanted: FetchRequest, signal: AbortSignal): Promise<FetchResult> {
    const { statusCode, headers, body } = await request(url, {
      dispatcher: this.#agent,
      signal,
      method: wanted.body === undefined ? 'GET' : 'POST',
      headers: { accept: wanted.accept, ...(wanted.body && { 'content-type': wanted.body.contentType }) },
      body: wanted.body?.bytes ?? null,
    })
    const refuse = (failure: FetchFailure): FetchResult => {
      body.on('error', () => undefined).destroy()
      return { failure }
    }
    if (statusCode !== 200) return refuse('bad_status')
    const type = String(headers['content-type'] ?? '')
      .split(';', 1)[0]
      ?.trim()
      .toLowerCase()
    if (wanted.body !== undefined && type !== wanted.accept) return refuse('bad_content_type')
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > wanted.maxBytes) return refuse('too_large')
      chunks.push(chunk)
    }
    return { bytes: Buffer.concat(chunks, size) }
  }

  /** Ends what is under way as `closed`. */
  async close(): Promise<void> {
    this.#closed = true
    for (const exchange of this.#underWay) exchange.abort()
    await this.#agent.destroy()
  }
}

/** Judges the very address that the socket is opened to, so that a name that changes its mind gains nothing. */
function guardedConnector(anyAddress: boolean, lookup: LookupFunction): buildConnector.connector {
  const refuses = (address: string): boolean => !anyAddress && !isPublicAddress(address)
  const guardedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, options, (error, found: string | LookupAddress[], family) => {
      if (error !== null) {
        callback(error, found, family)
        return
      }
      const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address)
      if (addresses.some(refuses)) callback(new AddressRefused('address refused'), found, family)
      else callback(error, found, family)
    })
  }
  const connect = buildConnector({ lookup: guardedLookup, timeout: 5000 })
  return (options, callback) => {
    // A literal address is never looked up.
    const literal = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) !== 0 && refuses(literal)) callback(new AddressRefused('address refused'), null)
    else connect(options, callback)
  }
}
