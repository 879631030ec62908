import type { AuditLog } from '../audit/audit-log.js'
import type { Clock } from '../core/clock.js'
import { Refusal, type RefusalCode } from '../core/refusals.js'
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
    this.#noteOpen()
    const due = this.#options.holders.all().filter(({ certificate }) => now > certificate.validUntil)
    await this.#judgeAnew(due)
  }

  /** By a new ruling: what the deny list says of everybody at once, then every certificate by its verdict. */
  async endRefused(): Promise<void> {
    this.#noteOpen()
    const { holders, ruling } = this.#options
    const { denyList } = ruling()
    const denied = holders.all().flatMap((held) => {
      const refusal = denyList === null ? null : deniedBy(denyList, held)
      return refusal === null ? [] : [{ held, refusal }]
    })
    await this.#end(denied)
    await this.#judgeAnew(holders.all())
  }

  /** Their certificates are in use, however long ago their last request was. */
  #noteOpen(): void {
    const { holders } = this.#options
    for (const { allowed } of this.#websockets?.open() ?? []) {
      const { certificate, identity, user, request } = allowed
      if (certificate === null || identity === null || request.certificate === null) continue
      const held = holders.get(certificate.facts.sha256)
      holders.note(held ?? { certificate, identity, user, presented: request.certificate })
    }
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

function deniedBy(
  denyList: NonNullable<Ruling['denyList']>,
  { certificate, presented, user }: CertificateInUse,
): Refusal | null {
  const decoded = presented.decode()
  const revoked =
    decoded instanceof Refusal ? decoded : denyList.certificateRefusal(certificate.facts, decoded.leaf)
  if (revoked !== null || user === null) return revoked
  return denyList.nameRefusal({ usernames: [user.username], emails: [user.email] })
}

/** 4403 where the account or a policy is the cause, 4401 where the certificate is. */
function closeCode({ stage }: Refusal): 4401 | 4403 {
  return stage === 'identity' || stage === 'policy' || stage === 'account' ? 4403 : 4401
}
