import type { AuditLog } from '../audit/audit-log.js'
import type { AuditEvent } from '../audit/event.js'
import { Fault } from '../core/faults.js'
import { Refusal } from '../core/refusals.js'
import type { Identity } from '../identity/identity.js'
import type { ReadRequest, RequestFacts } from '../intake/facts.js'
import type { Directory } from '../mattermost/directory.js'
import { classifyPath } from '../mattermost/paths.js'
import type { SignInDriver, UpstreamSession } from '../mattermost/sign-in.js'
import type { MattermostUser } from '../mattermost/user.js'
import type { DeniableNames } from '../revocation/deny-list/deny-list.js'
import type { SessionBook } from '../sessions/session-book.js'
import { requestFields, type Subject } from './audit-events.js'
import type { CookieStyle } from './browser-cookies.js'
import type { Allowed, Decision, Refused } from './decision.js'
import { anonymousForwarding, injects, signedInForwarding, untouched } from './forwarding.js'
import type { Holders } from './holders.js'
import type { DecisionStage, GateMeasures } from './measures.js'
import { addressRefusal } from './own-paths.js'
import { newRequestId } from './request-id.js'
import type { Ruling } from './ruling.js'
import type { Holder, Verdict } from './verdict.js'

/** Told of what the operator's log should hold; the audit is the gate's own business. */
export interface GateObserver {
  refused(decision: Refused, detail: string | undefined): void
  fault(error: unknown, requestId: string): void
}

export interface GateParts {
  /** What to begin with. */
  readonly ruling: Ruling
  readonly holders: Holders
  /** Null: accounts are not looked up. */
  readonly directory: Directory | null
  readonly driver: SignInDriver
  /** The gateway holds every credential at Mattermost, and the browser none (`access-token`). */
  readonly ownsCredentials: boolean
  readonly sessions: SessionBook
  readonly audit: AuditLog
  readonly cookieStyle: CookieStyle
  readonly observer: GateObserver
  readonly measures: GateMeasures
}

/** One request in, one decision out, with its audit event written before the decision is known outside. */
export class Gate {
  readonly #parts: GateParts
  #ruling: Ruling

  constructor(parts: GateParts) {
    this.#parts = parts
    this.#ruling = parts.ruling
  }

  get ruling(): Ruling {
    return this.#ruling
  }

  /** From now on requests are decided by this one; those under way end under the one they began with. */
  replace(ruling: Ruling): void {
    this.#ruling = ruling
  }

  /** Certificate, revocation, identity: nothing looked up, nothing written. */
  async judge(facts: RequestFacts): Promise<Verdict> {
    const { intake, judge } = this.#ruling
    return judge.judge(intake.read(facts))
  }

  async admit(facts: RequestFacts): Promise<Decision> {
    const ruling = this.#ruling
    const startedAt = performance.now()
    const request = ruling.intake.read(facts)
    this.#parts.measures.stageTook('intake', performance.now() - startedAt)
    const requestId = newRequestId()
    const nothingKnown = { requestId, request, certificate: null, identity: null, user: null, session: null }
    if (!this.#parts.audit.writable) return this.#unaudited(nothingKnown)
    try {
      return await this.#decide(nothingKnown, ruling)
    } catch (error) {
      return this.#fault(nothingKnown, error)
    }
  }

  /** Audits a refusal that was decided outside, on a request that may have been allowed before. */
  async refuse(request: ReadRequest, refusal: Refusal, before?: Allowed): Promise<Refused> {
    return this.#refuse(
      {
        requestId: before?.requestId ?? newRequestId(),
        request,
        certificate: before?.certificate ?? null,
        identity: before?.identity ?? null,
        user: before?.user ?? null,
        session: null,
      },
      refusal,
    )
  }

  /** Audits a refusal of what was not decided on: the parser, or the connection, refused it before. */
  async refuseFacts(facts: RequestFacts, refusal: Refusal): Promise<Refused> {
    return this.refuse(this.#ruling.intake.read(facts), refusal)
  }

  /** A websocket's last word: how long it lived and how much passed. */
  async websocketEnded(allowed: Allowed, end: NonNullable<AuditEvent['websocket']>): Promise<void> {
    const fields = requestFields({ ...allowed, session: null })
    await this.#parts.audit
      .write({ event: 'websocket_end', ...fields, websocket: end })
      .catch((error: unknown) => this.#parts.observer.fault(error, allowed.requestId))
  }

  async #decide(start: Subject, ruling: Ruling): Promise<Decision> {
    const { request } = start
    const { epoch } = ruling.judge
    const verdict = await this.#judged(request, ruling)
    if (!verdict.accepted) {
      const { certificate, identity, refusal } = verdict
      return this.#refuse({ ...start, certificate, identity }, refusal)
    }
    const { holder } = verdict
    const known = { ...start, ...holder }
    const barred = addressRefusal(request, this.#parts.ownsCredentials)
    if (barred !== null) return this.#refuse(known, barred)
    if (holder === null) return this.#anonymous(known, ruling)
    const signedIn = await this.#signIn(known, holder, { ruling, epoch })
    return signedIn ?? this.#decide(start, this.#ruling)
  }

  async #judged(request: ReadRequest, { judge }: Ruling): Promise<Verdict> {
    const { measures } = this.#parts
    const startedAt = performance.now()
    const judged = judge.judge(request)
    const looked = request.certificate !== null && request.refusal === null
    // What is at hand is given back at once, everything else is promised.
    if (looked) measures.verdictLooked(judged instanceof Promise ? 'miss' : 'hit')
    const verdict = await judged
    if (looked) measures.stageTook('verify', performance.now() - startedAt)
    return verdict
  }

  /** Null: what the verdict was made by is in force no more, and whoever ended what hung on it did not see this. */
  async #signIn(known: Subject, holder: Holder, basis: Basis): Promise<Decision | null> {
    const { certificate, identity } = holder
    const { denyList, config } = basis.ruling
    const user = await this.#timed('account', () => this.#account(identity))
    if (user instanceof Refusal) return this.#refuse(known, user)
    const denied = denyList === null || user === null ? null : denyList.nameRefusal(namesOf(user))
    if (denied !== null) return this.#refuse({ ...known, user }, denied)
    const upstream =
      user === null ? null : await this.#timed('sign_in', () => this.#credential(known.request, user))
    if (upstream instanceof Refusal) return this.#refuse({ ...known, user }, upstream)
    const { driver, sessions } = this.#parts
    const seeing = sessions.see(certificate.facts.sha256, user?.id ?? '')
    const seen = seeing instanceof Promise ? await seeing : seeing
    const subject = { ...known, user, session: { driver: driver.name, record: seen.session } }
    if (!this.#isInForce(basis)) return null
    this.#noteHolder(known.request, holder, user)
    if (seen.begins) this.#parts.measures.sessionBegan()
    await this.#timed('audit', () => this.#auditAllowed(subject, seen.begins, config.audit.requests))
    const forwarding =
      user === null || !this.#parts.ownsCredentials
        ? untouched
        : signedInForwarding(
            known.request,
            { user, session: seen.session, upstream },
            this.#parts.cookieStyle,
          )
    return this.#decided(allowed(subject, forwarding))
  }

  /** From here to the holder's note nothing may be waited for: what is noted, live revocation finds. */
  #isInForce({ ruling, epoch }: Basis): boolean {
    const { judge } = this.#ruling
    return judge === ruling.judge && judge.epoch === epoch
  }

  async #timed<T>(stage: DecisionStage, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    const done = await work()
    this.#parts.measures.stageTook(stage, performance.now() - startedAt)
    return done
  }

  #decided<Made extends Decision>(decision: Made): Made {
    this.#parts.measures.decided(decision)
    return decision
  }

  /** Null: accounts are not looked up. */
  async #account(identity: Identity): Promise<MattermostUser | Refusal | null> {
    const { directory } = this.#parts
    if (directory === null) return null
    return directory.cached(identity) ?? directory.find(identity)
  }

  /** Null: nothing is injected into this request. */
  async #credential(request: ReadRequest, user: MattermostUser): Promise<UpstreamSession | Refusal | null> {
    if (!injects(request)) return null
    const signingIn = this.#parts.driver.signIn(user)
    const session = signingIn instanceof Promise ? await signingIn : signingIn
    if (session === null || session instanceof Refusal) return session
    return hidesDeadToken(request) ? session.prove() : session
  }

  /** Where no certificate is asked for there is no session to begin either. */
  async #anonymous(known: Subject, { config }: Ruling): Promise<Allowed> {
    await this.#auditAllowed(known, false, config.audit.requests)
    return this.#decided(
      allowed(known, this.#parts.ownsCredentials ? anonymousForwarding(known.request) : untouched),
    )
  }

  #noteHolder({ certificate: presented }: ReadRequest, holder: Holder, user: MattermostUser | null): void {
    if (presented !== null) this.#parts.holders.note({ ...holder, presented, user })
  }

  async #auditAllowed(
    subject: Subject,
    begins: boolean,
    auditRequests: 'all' | 'sign-ins' | 'refusals',
  ): Promise<void> {
    const { audit } = this.#parts
    const signIn = begins && auditRequests !== 'refusals'
    if (!signIn && auditRequests !== 'all') return
    const fields = { ...requestFields(subject), decision: 'allow' as const }
    const writes: Promise<void>[] = []
    if (signIn) writes.push(audit.write({ event: 'sign_in', ...fields }))
    if (auditRequests === 'all') writes.push(audit.write({ event: 'request', ...fields }))
    await Promise.all(writes)
  }

  async #refuse(subject: Subject, refusal: Refusal): Promise<Refused> {
    const decision = refused(subject, refusal)
    this.#parts.observer.refused(decision, refusal.detail)
    try {
      const fields = requestFields(subject)
      await this.#parts.audit.write({ event: 'refuse', decision: 'refuse', reason: refusal.code, ...fields })
    } catch (error) {
      this.#parts.measures.auditFailed()
      this.#parts.observer.fault(error, subject.requestId)
      return this.#unaudited(subject)
    }
    return this.#decided(decision)
  }

  /** Nothing is let in, and nothing is answered in its place, that the audit does not hold. */
  #unaudited(subject: Subject): Refused {
    const refusal = new Refusal('audit_unavailable')
    const decision = refused(subject, refusal)
    this.#parts.observer.refused(decision, refusal.detail)
    return this.#decided(decision)
  }

  async #fault(subject: Subject, error: unknown): Promise<Refused> {
    const { audit, observer, measures } = this.#parts
    observer.fault(error, subject.requestId)
    if (error instanceof Fault && error.code === 'ERR_AUDIT_IO') {
      measures.auditFailed()
      return this.#unaudited(subject)
    }
    const refusal = new Refusal('internal')
    try {
      await audit.write({
        event: 'fault',
        decision: 'refuse',
        reason: refusal.code,
        ...requestFields(subject),
      })
    } catch (auditError) {
      measures.auditFailed()
      observer.fault(auditError, subject.requestId)
      return this.#unaudited(subject)
    }
    return this.#decided(refused(subject, refusal))
  }
}

/** What a decision was made by. */
interface Basis {
  readonly ruling: Ruling
  readonly epoch: number
}

function namesOf({ username, email }: MattermostUser): DeniableNames {
  return { usernames: [username], emails: [email] }
}

/** Where Mattermost would not answer 401 to a dead token: it has to be proved before. */
function hidesDeadToken(request: ReadRequest): boolean {
  return request.upgrade !== null || classifyPath(request.path.decoded) === 'plugin'
}

function allowed(subject: Subject, forwarding: Allowed['forwarding']): Allowed {
  const { requestId, request, certificate, identity, user } = subject
  return { allowed: true, requestId, request, certificate, identity, user, forwarding }
}

function refused(subject: Subject, refusal: Refusal): Refused {
  const { requestId, request, certificate, identity, user } = subject
  return {
    allowed: false,
    requestId,
    request,
    code: refusal.code,
    status: refusal.status,
    message: refusal.message,
    remedy: refusal.remedy,
    certificate,
    identity,
    user,
  }
}
