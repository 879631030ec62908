import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.js'
import type { Identity } from '../identity/identity.js'
import type { PresentedCertificate } from '../intake/facts.js'
import type { MattermostUser } from '../mattermost/user.js'
import type { VerifiedCertificate } from '../x509/verified-certificate.js'

/** A certificate in use, and who comes with it. */
export interface CertificateInUse {
  /** As it was let in last; a later verdict may have a later end. */
  readonly certificate: VerifiedCertificate
  readonly presented: PresentedCertificate
  readonly identity: Identity
  readonly user: MattermostUser | null
  readonly lastSeenAt: number
}

const mostInMemory = 50_000

export interface HoldersOptions {
  readonly clock: Clock
  /** A certificate that was not seen for so long is not in use. */
  readonly idleMs: number
}

/** Which certificates are in use and by whom: what has to end when one of them turns bad. */
export class Holders {
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #inUse = new LRUCache<
    string,
    { -readonly [Key in keyof CertificateInUse]: CertificateInUse[Key] }
  >({
    max: mostInMemory,
  })

  constructor({ clock, idleMs }: HoldersOptions) {
    this.#clock = clock
    this.#idleMs = idleMs
  }

  note(seen: Omit<CertificateInUse, 'lastSeenAt'>): void {
    const known = this.#inUse.get(seen.certificate.facts.sha256)
    if (known?.certificate === seen.certificate && known.user === seen.user) {
      known.lastSeenAt = this.#clock.now()
      return
    }
    this.#inUse.set(seen.certificate.facts.sha256, { ...seen, lastSeenAt: this.#clock.now() })
  }

  get(sha256: string): CertificateInUse | null {
    return this.#inUse.get(sha256) ?? null
  }

  forget({ certificate }: CertificateInUse): void {
    this.#inUse.delete(certificate.facts.sha256)
  }

  all(): readonly CertificateInUse[] {
    return [...this.#inUse.values()]
  }

  /** Whose certificates are in use. */
  userIds(): ReadonlySet<string> {
    const since = this.#clock.now() - this.#idleMs
    const ids = new Set<string>()
    for (const { user, lastSeenAt } of this.#inUse.values()) {
      if (user !== null && lastSeenAt >= since) ids.add(user.id)
    }
    return ids
  }
}
