import type { ConfigIssue } from '../core/config-error.js'
import type { AllowEntry } from '../identity/allow.js'
import type { IdentityRule } from '../identity/rules.js'
import type { RouteRule } from '../intake/facts.js'

/**
 * The configuration as the rooms read it: the YAML's keys with defaults filled in, paths absolute,
 * durations in milliseconds, sizes in bytes. Deeply frozen.
 */
export interface Config {
  /** Absolute path of the YAML file; null for a plain object. */
  readonly file: string | null
  /** What is sound but should be looked at. */
  readonly warnings: readonly ConfigIssue[]
  readonly listen: ListenConfig
  readonly public: PublicConfig
  /** With `listen.tls` there is no proxy, and none of this is read. */
  readonly proxy: ProxyConfig
  readonly trust: readonly TrustConfig[]
  /** Absolute path of the deny list. */
  readonly denyList: string | null
  /** Null in an application of one's own without Mattermost. */
  readonly mattermost: MattermostConfig | null
  readonly control: null
  readonly stepUp: readonly never[]
  readonly sessions: SessionsConfig
  /** First match wins; without a match a certificate is required. */
  readonly routes: readonly RouteRule[]
  readonly limits: LimitsConfig
  readonly timeouts: TimeoutsConfig
  readonly audit: AuditConfig
  readonly metrics: MetricsAddress | null
  readonly log: LogConfig
}

export type ListenConfig = ListenAddress & {
  readonly tls: TlsFilesConfig | null
  readonly multilineHeader: boolean
}

export type ListenAddress =
  | { readonly kind: 'socket'; readonly path: string; readonly mode: number }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** Where `/metrics`, `/healthz`, `/readyz` and `/status` are answered: never on the public listener. */
export type MetricsAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** PEM files of the gateway's own TLS listener. */
export interface TlsFilesConfig {
  readonly certificate: string
  readonly key: string
}

export interface PublicConfig {
  /** An origin: scheme, lower-case host, port unless it is the scheme's own. */
  readonly url: string
  readonly origins: readonly string[]
}

export interface ProxyConfig {
  /** `address/prefix length`, IPv4 or IPv6. */
  readonly trusted: readonly string[]
  readonly secretFile: string | null
  readonly certificate: ProxyForm
  readonly certificateHeader: string
  /** In which the intermediates come: the name of the certificate's with `-Chain` behind it; null where the form has none. */
  readonly chainHeader: string | null
  readonly subjectHeader: string | null
  readonly verifyHeader: string | null
}

/** How the proxy hands over the client certificate. */
export type ProxyForm =
  | 'nginx'
  | 'rfc9440'
  | 'envoy'
  | 'traefik'
  | 'aws-alb'
  | 'cloudflare'
  | 'azure'
  | 'haproxy'
  | 'apache'

export interface TrustConfig {
  readonly name: string
  readonly ca: string
  readonly intermediates: string | null
  readonly require: RequireConfig
  readonly revocation: RevocationConfig
  /** The first rule that yields a value decides. */
  readonly identity: readonly IdentityRule[]
  /** Alternatives; empty: everybody. */
  readonly allow: readonly AllowEntry[]
  readonly provision: null
}

export interface RequireConfig {
  readonly clientAuth: 'if-stated' | 'always' | 'never'
  readonly minRsaBits: number
  readonly policies: readonly string[]
  readonly maxPathLength: number
}

export interface RevocationConfig {
  readonly mode: 'none' | 'crl' | 'ocsp' | 'ocsp-then-crl'
  /** http(s) URLs as written, absolute paths of files and folders. */
  readonly crl: readonly string[]
  /** URL of an OCSP responder in place of the certificate's own. */
  readonly responder: string | null
  /** Host names that may be fetched from; `private`: loopback, private and link-local addresses too. */
  readonly fetch: { readonly allow: readonly string[]; readonly private: boolean }
  readonly whenUnknown: 'refuse' | 'allow'
  readonly graceMs: number
}

export interface MattermostConfig {
  /** An origin. */
  readonly url: string
  readonly signIn: 'access-token' | 'none'
  /** Null: accounts are not looked up. */
  readonly admin: AdminConfig | null
  readonly oauth: null
  readonly directoryCacheMs: number
}

/** A personal access token of an administrator, or the socket of Mattermost's local mode. */
export type AdminConfig = { readonly tokenFile: string } | { readonly socket: string }

export interface SessionsConfig {
  readonly store: 'embedded'
  readonly path: string
  readonly keyFile: string | null
  readonly idleMs: number
  readonly maxAgeMs: number
  readonly instance: string
}

export interface LimitsConfig {
  readonly headerBytes: number
  readonly bodyBytes: number
  readonly connections: number
  readonly websockets: number
  readonly certificateBytes: number
  readonly verifyConcurrency: number
}

export interface TimeoutsConfig {
  readonly headerMs: number
  readonly upstreamConnectMs: number
  readonly upstreamAnswerMs: number
  readonly websocketIdleMs: number
  readonly clientIdleMs: number
  readonly drainMs: number
}

export interface AuditConfig {
  readonly file: string
  readonly requests: 'all' | 'sign-ins' | 'refusals'
  readonly chain: boolean
}

export interface LogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  readonly requests: boolean
}
