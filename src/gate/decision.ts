import type { RefusalCode } from '../core/refusals.js'
import type { Identity } from '../identity/identity.js'
import type { ReadRequest } from '../intake/facts.js'
import type { UpstreamSession } from '../mattermost/sign-in.js'
import type { MattermostUser } from '../mattermost/user.js'
import type { VerifiedCertificate } from '../x509/verified-certificate.js'

/** What the forwarder does to a request and its answer: settled by the gate, carried out by proxy/. */
export interface Forwarding {
  /** The credential to inject; null: nothing is injected. */
  readonly session: UpstreamSession | null
  /** The client's own Authorization is removed (also where the session is null, as under /static/). */
  readonly removeAuthorization: boolean
  /** Every MMAUTHTOKEN cookie and every access_token of the query are removed. */
  readonly removeCredentials: boolean
  /** `Token` and the cookies MMAUTHTOKEN, MMUSERID and MMCSRF are removed from the answer. */
  readonly removeAnswerCredentials: boolean
  /** A `public` answer becomes `private`: it was made for one person. */
  readonly makePrivate: boolean
  /** Set-Cookie values for an HTML answer; with any, that answer becomes `private, no-store`. */
  readonly addCookies: readonly string[]
}

export interface Allowed {
  readonly allowed: true
  /** 26 characters, new for each request. */
  readonly requestId: string
  readonly request: ReadRequest
  /** Null where the route does not ask for one and none came. */
  readonly certificate: VerifiedCertificate | null
  readonly identity: Identity | null
  /** Null without Mattermost, without a certificate, or where accounts are not looked up. */
  readonly user: MattermostUser | null
  readonly forwarding: Forwarding
}

export interface Refused {
  readonly allowed: false
  readonly requestId: string
  readonly request: ReadRequest
  readonly code: RefusalCode
  readonly status: number
  /** For the caller: what happened, in one sentence. */
  readonly message: string
  /** For the caller: what to do. */
  readonly remedy: string
  /** What was established before the refusal. */
  readonly certificate: VerifiedCertificate | null
  readonly identity: Identity | null
  readonly user: MattermostUser | null
}

export type Decision = Allowed | Refused
