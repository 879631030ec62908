import type { Allowed } from '../gate/decision.js'
import { isIdentityHeader } from '../intake/identity-headers.js'
import { madePrivate } from './cache-control.js'
import { cookieName, withoutCookies } from './cookie-names.js'
import { foldName, HeaderNames, isHopByHop, namesInConnection, withoutNames } from './header-names.js'
import { originalTarget, targetWithoutToken } from './request-target.js'

export interface HeaderHygieneOptions {
  /** Origin of `public.url`: X-Forwarded-Proto and X-Forwarded-Host follow it. */
  readonly publicUrl: string
  /** The headers in which the proxy hands the certificate over; null where there is none. */
  readonly certificateHeader: string | null
  readonly subjectHeader: string | null
  readonly verifyHeader: string | null
  readonly ownCookieName: string
}

type RequestClass = 'passed' | 'dropped' | 'connection' | 'cookie' | 'authorization'
type AnswerClass =
  | 'passed'
  | 'dropped'
  | 'connection'
  | 'token'
  | 'set-cookie'
  | 'cache-control'
  | 'content-type'

const sessionCookie = 'MMAUTHTOKEN'
const credentialCookies = [sessionCookie, 'MMUSERID', 'MMCSRF']

/** Written anew, or else believed by whoever reads them behind us. Expect is answered by the listener. */
const droppedRequestNames = new Set([
  'expect',
  'forwarded',
  'http2-settings',
  'proxy',
  'x-original-host',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-real-ip',
  'x-rewrite-url',
])

/** What goes to Mattermost and what comes back from it, header by header, as the decision says. */
export class HeaderHygiene {
  readonly #requestNames: HeaderNames<RequestClass>
  readonly #answerNames = new HeaderNames<AnswerClass>(answerClass)
  readonly #publicHeaders: readonly string[]
  readonly #ownCookie: readonly string[]
  readonly #ownCookieAndSession: readonly string[]

  constructor(options: HeaderHygieneOptions) {
    const { protocol, host } = new URL(options.publicUrl)
    const { certificateHeader, subjectHeader, verifyHeader } = options
    const configured = [certificateHeader, subjectHeader, verifyHeader]
    // Its intermediates, whether the form has a header for them or not.
    if (certificateHeader !== null) configured.push(`${certificateHeader}-Chain`)
    const proxyNames = new Set(configured.filter((name) => name !== null).map(foldName))
    this.#requestNames = new HeaderNames((folded) => requestClass(folded, proxyNames))
    this.#publicHeaders = ['X-Forwarded-Proto', protocol.slice(0, -1), 'X-Forwarded-Host', host]
    this.#ownCookie = [options.ownCookieName]
    this.#ownCookieAndSession = [options.ownCookieName, sessionCookie]
  }

  /**
   * The headers for Mattermost: name, value, name, value, … Host and Content-Length pass as they came;
   * what frames the connection (Connection, Upgrade, Transfer-Encoding) is the sender's to add.
   */
  requestHeaders(rawHeaders: readonly string[], allowed: Allowed): string[] {
    const { session, removeAuthorization, removeCredentials } = allowed.forwarding
    const removedCookies = removeCredentials ? this.#ownCookieAndSession : this.#ownCookie
    const kept: string[] = []
    let listed: Set<string> | null = null
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? ''
      const value = rawHeaders[at + 1] ?? ''
      switch (this.#requestNames.classOf(name)) {
        case 'passed':
          kept.push(name, value)
          break
        case 'cookie':
          pushUnlessEmpty(kept, name, withoutCookies(value, removedCookies))
          break
        case 'authorization':
          if (!removeAuthorization && session === null) kept.push(name, value)
          break
        case 'connection':
          listed = moreNames(listed, namesInConnection(value))
          break
        case 'dropped':
          break
      }
    }
    // What Connection lists is taken out before the gateway adds its own, which nobody can take out.
    const headers = listed === null ? kept : withoutNames(kept, listed)
    this.#addOwn(headers, allowed)
    return headers
  }

  /** The request target for Mattermost: the original bytes, without a credential in the query. */
  target(allowed: Allowed): string {
    const { path } = allowed.request
    return allowed.forwarding.removeCredentials ? targetWithoutToken(path) : originalTarget(path)
  }

  /** The headers for the client; bytes are read as latin1, which is how node:http writes them again. */
  answerHeaders(rawHeaders: readonly (Buffer | string)[], allowed: Allowed, status: number): string[] {
    const { removeAnswerCredentials, makePrivate, addCookies } = allowed.forwarding
    const kept: string[] = []
    let listed: Set<string> | null = null
    let html = false
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = headerText(rawHeaders[at])
      const value = headerText(rawHeaders[at + 1])
      switch (this.#answerNames.classOf(name)) {
        case 'passed':
          kept.push(name, value)
          break
        case 'content-type':
          html = /^text\/html[ \t]*(?:;|$)/i.test(value)
          kept.push(name, value)
          break
        case 'cache-control':
          kept.push(name, makePrivate ? madePrivate(value) : value)
          break
        case 'set-cookie':
          if (!this.#isRemovedCookie(value, removeAnswerCredentials)) kept.push(name, value)
          break
        case 'token':
          if (!removeAnswerCredentials) kept.push(name, value)
          break
        case 'connection':
          listed = moreNames(listed, namesInConnection(value))
          break
        case 'dropped':
          break
      }
    }
    const headers = listed === null ? kept : withoutNames(kept, listed)
    return addCookies.length > 0 && html && status >= 200 && status < 300
      ? withCookies(headers, addCookies)
      : headers
  }

  #addOwn(headers: string[], allowed: Allowed): void {
    const { clientIp } = allowed.request
    if (clientIp !== null) headers.push('X-Forwarded-For', clientIp, 'X-Real-IP', clientIp)
    headers.push(...this.#publicHeaders)
    const { session } = allowed.forwarding
    if (session !== null) headers.push('Authorization', session.authorization())
  }

  #isRemovedCookie(setCookie: string, removeCredentials: boolean): boolean {
    const name = cookieName(setCookie)
    return this.#ownCookie.includes(name) || (removeCredentials && credentialCookies.includes(name))
  }
}

function requestClass(folded: string, proxyNames: ReadonlySet<string>): RequestClass {
  if (folded === 'connection' || folded === 'cookie' || folded === 'authorization') return folded
  const dropped =
    isHopByHop(folded) ||
    droppedRequestNames.has(folded) ||
    proxyNames.has(folded) ||
    folded.startsWith('x-forwarded') ||
    folded.startsWith('x-mattergate-') ||
    isIdentityHeader(folded)
  return dropped ? 'dropped' : 'passed'
}

function answerClass(folded: string): AnswerClass {
  if (folded === 'connection' || folded === 'token' || folded === 'set-cookie') return folded
  if (folded === 'cache-control' || folded === 'content-type') return folded
  return isHopByHop(folded) ? 'dropped' : 'passed'
}

function moreNames(names: Set<string> | null, more: Set<string> | null): Set<string> | null {
  if (names === null || more === null) return names ?? more
  for (const name of more) names.add(name)
  return names
}

function pushUnlessEmpty(headers: string[], name: string, value: string): void {
  if (value !== '') headers.push(name, value)
}

function headerText(text: Buffer | string | undefined): string {
  return typeof text === 'string' ? text : (text?.toString('latin1') ?? '')
}

const cacheControl = new Set(['cache-control'])

/** An answer that sets one person's cookies belongs into no cache. */
function withCookies(headers: readonly string[], cookies: readonly string[]): string[] {
  const marked = withoutNames(headers, cacheControl)
  marked.push('Cache-Control', 'private, no-store')
  for (const cookie of cookies) marked.push('Set-Cookie', cookie)
  return marked
}
