import type { Refusal } from '../core/refusals.js'

/** What a front door knows of a request before anything is decided. */
export interface RequestFacts {
  readonly method: string
  /** The request target exactly as it stood in the request line, escapes and query included. */
  readonly target: string
  /** Name, value, name, value, … as they came: nothing joined, nothing lower-cased. */
  readonly rawHeaders: readonly string[]
  /** Who connected: an IP address, or a process over the unix socket. */
  readonly peer: { readonly address: string } | { readonly socket: true }
  /** DER of the certificate that the client proved to own in our own TLS handshake. */
  readonly clientCertificate?: Uint8Array
}

/** A certificate as the proxy, or our own TLS, handed it over: nothing in it is believed yet. */
export interface PresentedCertificate {
  /** The same text for the same bytes: the key of the verdict caches. */
  readonly key: string
  /** The subject DN that the proxy sent beside it; null where none came. Compared, never trusted. */
  readonly subject: string | null
  /** Decodes it, on a cache miss only: DER of the leaf and of what else came, in the order sent. */
  decode(): DecodedCertificate | Refusal
}

export interface DecodedCertificate {
  readonly leaf: Uint8Array
  readonly chain: readonly Uint8Array[]
}

/** The path as Mattermost will match it: percent-decoded exactly once, and unambiguous. */
export interface RequestPath {
  readonly decoded: string
  /** The path's original bytes, which are what is forwarded. */
  readonly raw: string
  /** The query without its question mark; null where the target has none. */
  readonly query: string | null
}

/** A line of `routes`, or the default rule. */
export interface RouteRule {
  /** An exact decoded path, or a prefix that ends in `*`. */
  readonly path: string
  readonly certificate: 'required' | 'optional' | 'none'
  /** `pass`: the client's own Authorization is left alone and nothing is injected beside it. */
  readonly authorization: 'remove' | 'pass'
  /** Whether an upgrade may pass on a `none` route. */
  readonly websocket: boolean
}

/** The headers that later rooms look at, collected in one walk over `rawHeaders`. */
export interface RequestHeaders {
  readonly cookie: readonly string[]
  readonly authorization: string | null
  /** Why nginx itself refused, where it sends its own 495 and 496 to us. */
  readonly proxyRefusal: string | null
}

/** A request as intake understood it, whether it may go on or not. */
export interface ReadRequest {
  readonly method: string
  readonly path: RequestPath
  readonly headers: RequestHeaders
  readonly route: RouteRule
  /** Node hands it to `upgrade`: an Upgrade header, named in Connection. */
  readonly upgrade: { readonly protocol: string } | null
  /** A person's browser opening a page: refusals become pages. */
  readonly navigation: boolean
  /** Null over a unix socket without X-Forwarded-For: unknown. */
  readonly clientIp: string | null
  /** For the audit: the address that connected, or `unix`. */
  readonly peer: string
  /** Null where none was presented, or where the route does not look at it. */
  readonly certificate: PresentedCertificate | null
  /** The earliest cause in intake's stages; null when it may go on. */
  readonly refusal: Refusal | null
}
