import type { AuditLog } from '../audit/audit-log.js'
import type { Clock } from '../core/clock.js'
import type { Refusal, RefusalCode } from '../core/refusals.js'
import type { SignInDriver } from '../mattermost/sign-in.js'
import { certificateFields, identityFields } from './audit-events.js'
import type { Allowed } from './decision.js'
import type { CertificateInUse, Holders } from './holders.js'
import type { Ruling } from './ruling.js'

/** The open websockets, as far as the gate has a say in them. */
export interface Websockets {
  open(): Iterable<{ readonly allowed: Allowed }>
  endWhere(predicate: (allowed: Allowed) => boolean, code: number, reason: string): number
}

export interface LiveRevocationOptions {
  readonly ruling: () => Ruling
  readonly holders: Holders
  readonly driver: SignInDriver
  readonly audit: AuditLog
  readonly clock: Clock
  readonly onFault: (error: unknown) => void
}

/** A look-up or two each: some milliseconds for all of them. */
const rechecksInOneTurn = 128

/** Verifications that one sweep has under way: known users are served between them. */
const judgedAtOnce = 4

/**
 * Ends what hangs on a certificate that has turned bad: its own websockets, and its user's token unless
 * another good certificate of that user is in use.
 */
export class LiveRevocation {
  readonly #options: LiveRevocationOptions
  #websockets: Websockets | null = null

  constructor(options: LiveRevocationOptions) {
    this.#options = options
  }

  attach(websockets: Websockets): void {
    this.#websockets = websockets
  }

  /** By the passing of time: called once a second. */
  async endDue(): Promise<void> {
    const now = this.#options.clock.now()
    const forgotten = this.#noteOpen()
    const all = this.#options.holders.all()
    const due = all.filter(
      ({ certificate }) => now > certificate.validUntil || forgotten.has(certificate.facts.sha256),
    )
    await this.#judgeAnew(await this.#endByStatus(due))
  }

  /**
   * By a new ruling: what deny list and revocation say of everybody first, all of it at once; then every
   * certificate by its verdict, unless its path is what it was.
   *
   * @param pathsHold the trusts are the same
   */
  async endRefused(pathsHold: boolean): Promise<void> {
    this.#noteOpen()
    const left = await this.#endByStatus(this.#options.holders.all())
    if (!pathsHold) await this.#judgeAnew(left)
  }

  /** By what was said of one certificate. A websocket of it that nobody holds any more is found once a second. */
  async endIfRefused(sha256: string): Promise<void> {
    const held = this.#options.holders.get(sha256)
    if (held !== null) await this.#endByStatus([held])
  }

  /** Ends those against whom something stands now that needs no path to be found. @returns the others */
  async #endByStatus(all: readonly CertificateInUse[]): Promise<readonly CertificateInUse[]> {
    const ended: Ended[] = []
    const left: CertificateInUse[] = []
    for (const [at, held] of all.entries()) {
      // Known users are served between them.
      if (at % rechecksInOneTurn === 0) await new Promise((resolve) => setImmediate(resolve))
      const refusal = await this.#standsAgainst(held)
      if (refusal === null) left.push(held)
      else ended.push({ held, refusal })
    }
    await this.#end(ended)
    return left
  }

  async #standsAgainst({ certificate, presented, user }: CertificateInUse): Promise<Refusal | null> {
    const { judge, denyList } = this.#options.ruling()
    const refusal = (await judge.recheck(certificate, presented)) ?? null
    if (refusal !== null || user === null || denyList === null) return refusal
    return denyList.nameRefusal({ usernames: [user.username], emails: [user.email] })
  }

  /**
   * Their certificates are in use, however long ago their last request was.
   *
   * @returns those that were forgotten: they opened while what hung on their certificate was being ended
   */
  #noteOpen(): ReadonlySet<string> {
    const { holders } = this.#options
    const forgotten = new Set<string>()
    for (const { allowed } of this.#websockets?.open() ?? []) {
      const { certificate, identity, user, request } = allowed
      if (certificate === null || identity === null || request.certificate === null) continue
      const held = holders.get(certificate.facts.sha256)
      if (held === null) forgotten.add(certificate.facts.sha256)
      holders.note(held ?? { certificate, identity, user, presented: request.certificate })
    }
    return forgotten
  }

  async #judgeAnew(held: readonly CertificateInUse[]): Promise<void> {
    const waiting = held.values()
    const work = async (): Promise<void> => {
      for (const next of waiting) await this.#judgeOne(next)
    }
    await Promise.all(Array.from({ length: judgedAtOnce }, work))
  }

  async #judgeOne(held: CertificateInUse): Promise<void> {
    const { ruling, holders } = this.#options
    const verdict = await ruling().judge.judgeCertificate(held.presented)
    if (verdict.accepted) {
      if (verdict.holder !== null) holders.note({ ...held, ...verdict.holder })
      return
    }
    // Others' certificates keep the verifier busy: that says nothing about this one, which is asked again.
    if (verdict.refusal.code === 'overloaded') return
    await this.#end([{ held, refusal: verdict.refusal }])
  }

  async #end(ended: readonly Ended[]): Promise<void> {
    if (ended.length === 0) return
    const { holders, driver } = this.#options
    for (const { held } of ended) holders.forget(held)
    this.#endWebsockets(ended)
    await this.#audit(ended)
    const staying = holders.userIds()
    const users = new Set(ended.flatMap(({ held }) => (held.user === null ? [] : [held.user.id])))
    await Promise.all([...users].filter((id) => !staying.has(id)).map((id) => driver.revokeFor(id)))
  }

  /** One walk over the websockets for each cause, however many certificates share it. */
  #endWebsockets(ended: readonly Ended[]): void {
    const causes = new Map<RefusalCode, { readonly refusal: Refusal; readonly meant: Set<string> }>()
    for (const { held, refusal } of ended) {
      const cause = causes.get(refusal.code) ?? { refusal, meant: new Set() }
      causes.set(refusal.code, cause)
      cause.meant.add(held.certificate.facts.sha256)
    }
    for (const { refusal, meant } of causes.values()) {
      const isMeant = ({ certificate }: Allowed) =>
        certificate !== null && meant.has(certificate.facts.sha256)
      this.#websockets?.endWhere(isMeant, closeCode(refusal), refusal.message)
    }
  }

  async #audit(ended: readonly Ended[]): Promise<void> {
    const { audit, onFault } = this.#options
    const writes = ended.map(({ held: { certificate, identity, user }, refusal }) =>
      audit.write({
        event: 'session_end',
        reason: refusal.code,
        certificate: certificateFields(certificate),
        identity: identityFields(identity),
        ...(user === null ? {} : { user: { id: user.id, username: user.username } }),
      }),
    )
    for (const written of await Promise.allSettled(writes)) {
      if (written.status === 'rejected') onFault(written.reason)
    }
  }
}

interface Ended {
  readonly held: CertificateInUse
  readonly refusal: Refusal
}

/** 4403 where the account or a policy is the cause, 4401 where the certificate is. */
function closeCode({ stage }: Refusal): 4401 | 4403 {
  return stage === 'identity' || stage === 'policy' || stage === 'account' ? 4403 : 4401
}
