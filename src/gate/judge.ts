import type { Clock } from '../core/clock.js'
import { earlier, Refusal, type RefusalCode } from '../core/refusals.js'
import type { AllowEntry } from '../identity/allow.js'
import { isAllowed } from '../identity/allow.js'
import type { Identity } from '../identity/identity.js'
import type { IdentityRule } from '../identity/rules.js'
import { identify } from '../identity/rules.js'
import { readValues } from '../identity/sources.js'
import type { DecodedCertificate, PresentedCertificate, ReadRequest } from '../intake/facts.js'
import type { DeniableNames, DenyList } from '../revocation/deny-list/deny-list.js'
import { matchesDistinguishedName } from '../x509/distinguished-name.js'
import type { Examination } from '../x509/examination.js'
import type { Aside } from '../x509/path-status.js'
import type { CertificateFacts, VerifiedCertificate } from '../x509/verified-certificate.js'
import type { Verifier } from '../x509/verifier.js'
import type { CertificateVerdict, Verdict } from './verdict.js'
import { VerdictCache } from './verdict-cache.js'
import { VerificationQueue } from './verification-queue.js'

/** What a trust says about its holders, beside the path: who they are and who of them may come. */
export interface TrustPolicy {
  readonly identity: readonly IdentityRule[]
  /** Empty: everyone whom the trust's authority certified. */
  readonly allow: readonly AllowEntry[]
}

export interface JudgeOptions {
  readonly verifier: Verifier
  /** By the name of the trust. */
  readonly policies: ReadonlyMap<string, TrustPolicy>
  readonly denyList: DenyList | null
  /** Whether a websocket is served at this decoded path. */
  readonly takesUpgrade: (decodedPath: string) => boolean
  readonly clock: Clock
  readonly verifyConcurrency: number
}

/** Even a verdict whose inputs last for years is made anew after this. */
const longestGoodMs = 10 * 60_000
const longestBadMs = 30_000
/** A certificate that is not valid yet becomes so by the passing of time, and a status becomes known. */
const shortestBadMs = 1_000
const passing: ReadonlySet<RefusalCode> = new Set(['certificate_not_yet_valid', 'revocation_unknown'])
/** New lists come now and then; whatever comes more often must keep nobody waiting. */
const mostTries = 3

/** Certificate, revocation, identity → verdict. Looks nothing up and writes nothing. */
export class Judge {
  readonly #verifier: Verifier
  readonly #policies: ReadonlyMap<string, TrustPolicy>
  readonly #denyList: DenyList | null
  readonly #takesUpgrade: JudgeOptions['takesUpgrade']
  readonly #clock: Clock
  readonly #cache: VerdictCache
  readonly #queue: VerificationQueue<CertificateVerdict>
  #epoch = 0
  /** The proxy writes the same DN each time: what matched once is compared as text from then on. */
  readonly #matchedSubjects = new WeakMap<VerifiedCertificate, string>()

  constructor(options: JudgeOptions) {
    this.#verifier = options.verifier
    this.#policies = options.policies
    this.#denyList = options.denyList
    this.#takesUpgrade = options.takesUpgrade
    this.#clock = options.clock
    this.#cache = new VerdictCache(options.clock)
    this.#queue = new VerificationQueue(options.verifyConcurrency)
  }

  /** Synchronous where nothing has to be verified. */
  judge(request: ReadRequest): Verdict | Promise<Verdict> {
    const refusal = this.#requestRefusal(request)
    if (refusal !== null) return { accepted: false, refusal, certificate: null, identity: null }
    if (request.certificate === null) return { accepted: true, holder: null }
    return this.judgeCertificate(request.certificate)
  }

  /** The certificate alone, whatever request brought it. */
  judgeCertificate(presented: PresentedCertificate): Verdict | Promise<Verdict> {
    const verdict = this.#certificateVerdict(presented)
    if (verdict instanceof Refusal) {
      return { accepted: false, refusal: verdict, certificate: null, identity: null }
    }
    if (verdict instanceof Promise) return verdict.then((settled) => this.#withSubject(settled, presented))
    return this.#withSubject(verdict, presented)
  }

  /**
   * What deny list and revocation say now of a certificate in use. `undefined`: it must be judged anew;
   * null: nothing stands against it.
   */
  async recheck(
    certificate: VerifiedCertificate,
    presented: PresentedCertificate,
  ): Promise<Refusal | null | undefined> {
    const decoded = presented.decode()
    if (decoded instanceof Refusal) return undefined
    const denied = this.#denyList?.certificateRefusal(certificate.facts, decoded.leaf) ?? null
    if (denied !== null) return denied
    const status = await this.#verifier.recheck(certificate, this.#clock.now())
    return status === undefined ? undefined : (status?.refusal ?? null)
  }

  /** Every path that is tried for this certificate, and what stands against each: for `explain`. */
  examine({ leaf, chain }: DecodedCertificate, atMs: number): Promise<Examination | Refusal> {
    return this.#verifier.examine(leaf, chain, atMs)
  }

  /** Another for every time that everything is forgotten: a verdict holds for its own only. */
  get epoch(): number {
    return this.#epoch
  }

  /** Judged anew from now on. @param sha256 of one certificate; null: everything */
  forget(sha256: string | null): void {
    this.#epoch += 1
    if (sha256 === null) this.#cache.clear()
    else this.#cache.drop(sha256)
  }

  sweep(): void {
    this.#cache.sweep()
  }

  /** The earliest cause that lies in the request itself, or null. */
  #requestRefusal(request: ReadRequest): Refusal | null {
    const found = request.refusal
    if (request.upgrade === null || this.#takesUpgrade(request.path.decoded)) return found
    const upgrade = new Refusal('upgrade_refused', { detail: 'no websocket is served at this address' })
    return found === null ? upgrade : earlier(found, upgrade)
  }

  #certificateVerdict(
    presented: PresentedCertificate,
  ): CertificateVerdict | Promise<CertificateVerdict> | Refusal {
    const generation = this.#verifier.generation
    const cached = this.#cache.get(generation, presented.key)
    if (cached !== undefined) return cached
    return this.#queue.run(presented.key, async (aside) => {
      for (let tries = 1; ; tries += 1) {
        const epoch = this.#epoch
        const verdict = await this.#verify(presented, aside)
        const isOvertaken = epoch !== this.#epoch
        if (!isOvertaken) this.#cache.put(generation, presented.key, verdict)
        // What was forgotten meanwhile may have let it in; a refusal does no harm, and is not kept.
        if (!isOvertaken || verdict.refusal !== null || tries === mostTries) return verdict
      }
    })
  }

  async #verify(presented: PresentedCertificate, aside: Aside): Promise<CertificateVerdict> {
    const now = this.#clock.now()
    const decoded = presented.decode()
    if (decoded instanceof Refusal) return bad(decoded, null, now)
    const certificate = await this.#verifier.verify(decoded.leaf, decoded.chain, now, aside)
    if (certificate instanceof Refusal) return bad(certificate, null, now)
    const revoked = this.#denyList?.certificateRefusal(certificate.facts, decoded.leaf) ?? null
    if (revoked !== null) return bad(revoked, certificate, now)
    const policy = this.#policies.get(certificate.trust)
    if (policy === undefined) throw new Error(`no policy for the trust ${certificate.trust}`)
    const identity = identify(policy.identity, certificate)
    if (identity instanceof Refusal) return bad(identity, certificate, now)
    if (!isAllowed(policy.allow, certificate)) {
      const detail = `no entry of trust.allow fits ${certificate.facts.subject}`
      return bad(new Refusal('not_allowed', { detail }), certificate, now, identity)
    }
    const denied = this.#denyList?.nameRefusal(namesIn(certificate.facts, identity)) ?? null
    if (denied !== null) return bad(denied, certificate, now, identity)
    const endsAt = Math.min(certificate.validUntil, now + longestGoodMs)
    return { certificate, identity, refusal: null, endsAt }
  }

  /** The DN beside the certificate is compared with it and refused on mismatch; it is never trusted. */
  #withSubject(verdict: CertificateVerdict, presented: PresentedCertificate): Verdict {
    const { certificate, identity } = verdict
    const mismatch = certificate === null ? null : this.#subjectMismatch(certificate, presented.subject)
    if (verdict.refusal === null && mismatch === null) {
      return { accepted: true, holder: { certificate: verdict.certificate, identity: verdict.identity } }
    }
    const refusal = [verdict.refusal, mismatch].filter((cause) => cause !== null).reduce(earlier)
    return { accepted: false, refusal, certificate, identity }
  }

  #subjectMismatch(certificate: VerifiedCertificate, subject: string | null): Refusal | null {
    if (subject === null || this.#matchedSubjects.get(certificate) === subject) return null
    if (matchesDistinguishedName(certificate.facts, subject)) {
      this.#matchedSubjects.set(certificate, subject)
      return null
    }
    const detail = `the proxy sent the subject ${subject}, the certificate says ${certificate.facts.subject}`
    return new Refusal('subject_mismatch', { detail })
  }
}

/** An address is denied wherever the certificate bears it, whichever rule named the account. */
function namesIn(facts: CertificateFacts, { match, value }: Identity): DeniableNames {
  const borne = readValues('subject.email', facts).map(({ text }) => text)
  return match === 'username'
    ? { usernames: [value], emails: [...facts.alternativeNames.email, ...borne] }
    : { usernames: [], emails: [value, ...facts.alternativeNames.email, ...borne] }
}

function bad(
  refusal: Refusal,
  certificate: VerifiedCertificate | null,
  now: number,
  identity: Identity | null = null,
): CertificateVerdict {
  const lastsMs = passing.has(refusal.code) ? shortestBadMs : longestBadMs
  const endsAt = Math.min(now + lastsMs, certificate?.validUntil ?? Number.POSITIVE_INFINITY)
  return { certificate, identity, refusal, endsAt }
}
