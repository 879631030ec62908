import type { IdentityRule } from '../identity/rules.js'
import { formatAddressRange, parseAddressRange } from './address-range.js'
import type {
  AdminConfig,
  Config,
  ListenAddress,
  MattermostConfig,
  MetricsAddress,
  TlsFilesConfig,
  TrustConfig,
} from './config.js'
import type { FilePlaces } from './file-places.js'
import { parseOrigin } from './origin.js'
import { compilePattern } from './pattern.js'
import { headersInUse } from './proxy-headers.js'
import type { ConfigDocument } from './schema.js'
import { parseDuration, parseMode, parseSize } from './units.js'

const defaultSocket = '/run/mattergate/http.sock'

/** Turns a document without issues into what the rooms read. */
export function resolveDocument(
  document: ConfigDocument,
  file: string | null,
  places: FilePlaces,
): Omit<Config, 'warnings'> {
  const { proxy, limits, timeouts, audit, log } = document
  return {
    file,
    listen: {
      ...listenAddress(document.listen, places),
      tls: tlsFiles(document.listen.tls, places),
      multilineHeader: document.listen.multilineHeader,
    },
    public: { url: origin(document.public.url), origins: document.public.origins.map(origin) },
    proxy: {
      trusted: proxy.trusted.map(addressRange),
      secretFile: optional(proxy.secretFile, places),
      certificate: proxy.certificate,
      ...headersInUse(proxy.certificate, proxy),
      verifyHeader: proxy.verifyHeader,
    },
    trust: document.trust.map((entry) => resolveTrust(entry, places)),
    denyList: optional(document.denyList, places),
    mattermost: document.mattermost === null ? null : resolveMattermost(document.mattermost, places),
    control: null,
    stepUp: [],
    sessions: resolveSessions(document.sessions, places),
    routes: document.routes,
    limits: {
      ...limits,
      headerBytes: bytes(limits.headerBytes),
      bodyBytes: bytes(limits.bodyBytes),
      certificateBytes: bytes(limits.certificateBytes),
    },
    timeouts: {
      headerMs: milliseconds(timeouts.header),
      upstreamConnectMs: milliseconds(timeouts.upstreamConnect),
      upstreamAnswerMs: milliseconds(timeouts.upstreamAnswer),
      websocketIdleMs: milliseconds(timeouts.websocketIdle),
      clientIdleMs: milliseconds(timeouts.clientIdle),
      drainMs: milliseconds(timeouts.drain),
    },
    audit: { ...audit, file: places.absolute(audit.file) },
    metrics: document.metrics === null ? null : metricsAddress(document.metrics, places),
    log,
  }
}

function listenAddress(listen: ConfigDocument['listen'], places: FilePlaces): ListenAddress {
  const { socket, host, port } = listen
  if (host !== null && port !== null) return { kind: 'tcp', host, port }
  const mode = found(parseMode(listen.mode), listen.mode)
  return { kind: 'socket', path: places.absolute(socket ?? defaultSocket), mode }
}

function metricsAddress(
  metrics: NonNullable<ConfigDocument['metrics']>,
  places: FilePlaces,
): MetricsAddress | null {
  const { socket, host, port } = metrics
  if (socket !== null) return { kind: 'socket', path: places.absolute(socket) }
  return host !== null && port !== null ? { kind: 'tcp', host, port } : null
}

function isUrl(where: string): boolean {
  return /^https?:\/\//i.test(where)
}

function tlsFiles(tls: ConfigDocument['listen']['tls'], places: FilePlaces): TlsFilesConfig | null {
  return tls === null
    ? null
    : { certificate: places.absolute(tls.certificate), key: places.absolute(tls.key) }
}

function resolveTrust(entry: ConfigDocument['trust'][number], places: FilePlaces): TrustConfig {
  const { name, require, revocation, allow } = entry
  return {
    name,
    ca: places.absolute(entry.ca),
    intermediates: optional(entry.intermediates, places),
    require,
    revocation: {
      mode: revocation.mode,
      crl: revocation.crl.map((where) => (isUrl(where) ? where : places.absolute(where))),
      responder: revocation.responder,
      fetch: revocation.fetch,
      whenUnknown: revocation.whenUnknown,
      graceMs: milliseconds(revocation.grace),
    },
    identity: entry.identity.map(resolveRule),
    allow,
    provision: null,
  }
}

function resolveRule(rule: ConfigDocument['trust'][number]['identity'][number]): IdentityRule {
  const { from, match, pattern } = rule
  return { from, match, pattern: pattern === null ? null : found(compilePattern(pattern).pattern, pattern) }
}

function resolveMattermost(
  server: NonNullable<ConfigDocument['mattermost']>,
  places: FilePlaces,
): MattermostConfig {
  return {
    url: origin(server.url),
    signIn: server.signIn === 'none' ? 'none' : only('access-token', server.signIn),
    admin: adminOf(server.admin, places),
    oauth: null,
    directoryCacheMs: milliseconds(server.directoryCache),
  }
}

function adminOf(
  admin: NonNullable<ConfigDocument['mattermost']>['admin'],
  places: FilePlaces,
): AdminConfig | null {
  if (admin === null) return null
  if (admin.tokenFile !== null) return { tokenFile: places.absolute(admin.tokenFile) }
  return admin.socket === null ? null : { socket: places.absolute(admin.socket) }
}

function resolveSessions(sessions: ConfigDocument['sessions'], places: FilePlaces): Config['sessions'] {
  return {
    store: only('embedded', sessions.store),
    path: places.absolute(sessions.path),
    keyFile: optional(sessions.keyFile, places),
    idleMs: milliseconds(sessions.idle),
    maxAgeMs: milliseconds(sessions.maxAge),
    instance: sessions.instance,
  }
}

function optional(path: string | null, places: FilePlaces): string | null {
  return path === null ? null : places.absolute(path)
}

function origin(text: string): string {
  return found(parseOrigin(text).origin, text)
}

function addressRange(text: string): string {
  return formatAddressRange(found(parseAddressRange(text), text))
}

function milliseconds(text: string): number {
  return found(parseDuration(text), text)
}

function bytes(text: string): number {
  return found(parseSize(text), text)
}

/** A value that the checks have let through; anything else is a bug between them and this file. */
function found<Value>(value: Value | null, written: string): Value {
  if (value === null) throw new Error(`the checks let '${written}' pass`)
  return value
}

function only<Word extends string>(built: Word, written: string): Word {
  if (written !== built) throw new Error(`the checks let '${written}' pass`)
  return built
}
