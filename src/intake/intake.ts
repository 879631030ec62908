import { Refusal } from '../core/refusals.js'
import type { CertificateForm } from './certificate-form.js'
import { clientAddress, TrustedPeers } from './client-address.js'
import { crossSiteRefusal } from './cross-site.js'
import type { PresentedCertificate, ReadRequest, RequestFacts, RequestPath, RouteRule } from './facts.js'
import { type CollectedHeaders, firstValue, HeaderWalk } from './header-walk.js'
import { presentedByProxy, presentedByTls } from './presented.js'
import { ProxySecrets } from './proxy-secret.js'
import { readRequestPath } from './request-path.js'
import { defaultRule, ownRule, Routes } from './routes.js'
import { readUpgrade, upgradeRefusal } from './upgrade.js'

/** Behind a proxy, or with TLS of our own: then nobody speaks for the client. */
export type Entrance =
  | { readonly kind: 'tls' }
  | {
      readonly kind: 'proxy'
      /** Addresses and ranges, `address/prefix length`. */
      readonly trustedPeers: readonly string[]
      /** The listener is a unix socket: its mode says who may connect. */
      readonly unixSocketTrusted: boolean
      readonly secrets: readonly string[]
      readonly form: CertificateForm
      readonly certificateHeader: string
      readonly chainHeader: string | null
      readonly subjectHeader: string | null
      readonly verifyHeader: string | null
    }

export interface IntakeOptions {
  readonly entrance: Entrance
  /** Origins, `public.url` among them. */
  readonly origins: readonly string[]
  readonly routes: readonly RouteRule[]
}

/** Which peer is this, is it trusted, what does it want and which certificate does it bring. */
export class Intake {
  readonly #entrance: Entrance
  readonly #walk: HeaderWalk
  readonly #trusted: TrustedPeers
  readonly #secrets: ProxySecrets
  readonly #origins: ReadonlySet<string>
  readonly #routes: Routes

  constructor(options: IntakeOptions) {
    const { entrance } = options
    this.#entrance = entrance
    this.#walk = new HeaderWalk(
      entrance.kind === 'proxy'
        ? entrance
        : // Names that no header can have: with TLS of our own nothing about a certificate is read from them.
          { certificateHeader: '', chainHeader: null, subjectHeader: null, verifyHeader: null },
    )
    this.#trusted = new TrustedPeers(entrance.kind === 'proxy' ? entrance.trustedPeers : [])
    this.#secrets = new ProxySecrets(entrance.kind === 'proxy' ? entrance.secrets : [])
    this.#origins = new Set(options.origins)
    this.#routes = new Routes(options.routes)
  }

  /** Whether this peer may speak for clients at all, its secret aside. */
  trusts(peer: RequestFacts['peer']): boolean {
    if (this.#entrance.kind === 'tls') return true
    return 'socket' in peer ? this.#entrance.unixSocketTrusted : this.#trusted.includes(peer.address)
  }

  /** Never refuses to read: what is wrong stands in `refusal`, the earliest cause. */
  read(facts: RequestFacts): ReadRequest {
    const headers = this.#walk.collect(facts.rawHeaders)
    const path = readRequestPath(facts.target)
    const readable = path instanceof Refusal ? asText(facts.target) : path
    const route = path instanceof Refusal ? defaultRule : this.#routes.find(path.decoded)
    const peerRefusal = this.#peerRefusal(facts, headers)
    const certificate = peerRefusal === null ? this.#presented(facts, headers, route) : null
    const upgrade = readUpgrade(headers)
    // As interface.md says: `optional` without a certificate is as `none`.
    const anonymous =
      route.certificate === 'none' || (route.certificate === 'optional' && certificate === null)
    return {
      method: facts.method,
      path: readable,
      headers: this.#decisionHeaders(headers),
      route,
      upgrade,
      navigation: isNavigation(facts.method, headers),
      clientIp: this.#clientIp(facts, headers, peerRefusal === null),
      peer: 'socket' in facts.peer ? 'unix' : facts.peer.address,
      certificate: certificate instanceof Refusal ? null : certificate,
      refusal:
        peerRefusal ??
        formRefusal(facts, headers, path) ??
        (upgrade === null ? null : upgradeRefusal(facts.method, upgrade, route, anonymous)) ??
        // Where nothing is injected there is nothing to abuse.
        (anonymous || isOwnPage(facts.method, route)
          ? null
          : crossSiteRefusal({ method: facts.method, upgrade: upgrade !== null, headers }, this.#origins)) ??
        certificateRefusal(certificate, route),
    }
  }

  #peerRefusal(facts: RequestFacts, headers: CollectedHeaders): Refusal | null {
    if (!this.trusts(facts.peer)) {
      return new Refusal('peer_untrusted', { detail: 'the address that connected is not in proxy.trusted' })
    }
    if (this.#entrance.kind === 'tls') return null
    const secrets = headers.secret ?? []
    if (secrets.length <= 1 && this.#secrets.accept(secrets[0] ?? null)) return null
    const detail = 'X-Mattergate-Proxy-Secret is missing, wrong or doubled'
    return new Refusal('peer_untrusted', { detail })
  }

  #presented(
    facts: RequestFacts,
    headers: CollectedHeaders,
    route: RouteRule,
  ): PresentedCertificate | Refusal | null {
    if (route.certificate === 'none') return null
    if (this.#entrance.kind === 'tls') return presentedByTls(facts.clientCertificate)
    return presentedByProxy(headers, this.#entrance.form, this.#entrance.verifyHeader !== null)
  }

  #clientIp(facts: RequestFacts, headers: CollectedHeaders, trusted: boolean): string | null {
    const peer = 'socket' in facts.peer ? null : facts.peer.address
    // Whoever may not speak for clients, and a client itself, says nothing about addresses.
    const lines = trusted && this.#entrance.kind === 'proxy' ? (headers.forwardedFor ?? []) : []
    return clientAddress(lines, peer, this.#trusted)
  }

  #decisionHeaders(headers: CollectedHeaders): ReadRequest['headers'] {
    return {
      cookie: headers.cookie ?? [],
      authorization: firstValue(headers.authorization),
      // Without a proxy it is the client who wrote it.
      proxyRefusal: this.#entrance.kind === 'proxy' ? firstValue(headers.proxyRefusal) : null,
    }
  }
}

function formRefusal(
  facts: RequestFacts,
  headers: CollectedHeaders,
  path: RequestPath | Refusal,
): Refusal | null {
  if (facts.method === 'CONNECT' || facts.method === 'TRACE') return new Refusal('method_refused')
  if (headers.host?.length !== 1) {
    return new Refusal('request_ambiguous', { detail: 'there must be exactly one Host header' })
  }
  if (isFramedTwice(headers)) {
    return new Refusal('request_ambiguous', { detail: 'its length can be read in more than one way' })
  }
  return path instanceof Refusal ? path : null
}

/** RFC 9112 §6.3: Node hands some of these out before its parser refuses them. */
function isFramedTwice({ contentLength, transferEncoding }: CollectedHeaders): boolean {
  if (transferEncoding === undefined) return (contentLength?.length ?? 0) > 1
  return contentLength !== undefined || transferEncoding.join().trim().toLowerCase() !== 'chunked'
}

function certificateRefusal(
  certificate: PresentedCertificate | Refusal | null,
  route: RouteRule,
): Refusal | null {
  if (certificate instanceof Refusal) return certificate
  return certificate === null && route.certificate === 'required' ? new Refusal('certificate_missing') : null
}

/** An ambiguous target for the audit: it matches nothing, and nothing is forwarded. */
function asText(target: string): RequestPath {
  const raw = target.split('?', 1)[0] ?? ''
  return { decoded: raw, raw, query: null }
}

function isNavigation(method: string, headers: CollectedHeaders): boolean {
  if (headers.secFetchMode !== undefined) return headers.secFetchMode.includes('navigate')
  if (method !== 'GET' && method !== 'HEAD') return false
  return headers.accept?.some((value) => value.toLowerCase().includes('text/html')) ?? false
}

/** The gateway's own pages only tell; what acts there comes by POST. */
function isOwnPage(method: string, route: RouteRule): boolean {
  return route === ownRule && (method === 'GET' || method === 'HEAD')
}
