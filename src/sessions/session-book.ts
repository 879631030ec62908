import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/clock.js'
import type { Store } from '../store/store.js'

/** What the gateway remembers of a certificate and the user it signs in. Not a credential. */
export interface GatewaySession {
  /** 192 random bits, base64url. */
  readonly id: string
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly certificate: string
  /** Mattermost user id; empty where accounts are not looked up. */
  readonly userId: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  lastSeenAt: number
}

export interface SessionBookOptions {
  readonly store: Store
  readonly clock: Clock
  /** After so long without a request the next one begins a new session. */
  readonly idleMs: number
}

export interface Seen {
  readonly session: GatewaySession
  /** This request begins it: one `sign_in` event is due. */
  readonly begins: boolean
}

/** Sessions looked at within the last hours; each record is small, and the store holds them all. */
const mostInMemory = 50_000

/**
 * One session for each certificate and user. `sign_in` is written when one begins; idle log-out,
 * maximum age and log-out that stays out have these records to stand on.
 */
export class SessionBook {
  readonly #store: Store
  readonly #clock: Clock
  readonly #idleMs: number
  readonly #sessions = new LRUCache<string, GatewaySession>({ max: mostInMemory })
  readonly #opening = new Map<string, Promise<Seen>>()
  readonly #touched = new Set<GatewaySession>()

  constructor(options: SessionBookOptions) {
    this.#store = options.store
    this.#clock = options.clock
    this.#idleMs = options.idleMs
  }

  /** Notes a request; synchronous while the session is at hand and alive. */
  see(certificate: string, userId: string): Seen | Promise<Seen> {
    const name = recordName(certificate, userId)
    const session = this.#sessions.get(name)
    const now = this.#clock.now()
    if (session !== undefined && now - session.lastSeenAt <= this.#idleMs) {
      session.lastSeenAt = now
      this.#touched.add(session)
      return { session, begins: false }
    }
    return this.#openOnce(name, certificate, userId)
  }

  /** Writes down when sessions were last seen; called every minute and at the end. */
  async flush(): Promise<void> {
    const touched = [...this.#touched]
    this.#touched.clear()
    await Promise.all(touched.map((session) => this.#keep(session)))
  }

  #openOnce(name: string, certificate: string, userId: string): Promise<Seen> {
    const running = this.#opening.get(name)
    // Whoever waits for a session that another request begins does not begin it a second time.
    if (running !== undefined) return running.then(({ session }) => ({ session, begins: false }))
    const opening = this.#open(name, certificate, userId).finally(() => this.#opening.delete(name))
    this.#opening.set(name, opening)
    return opening
  }

  async #open(name: string, certificate: string, userId: string): Promise<Seen> {
    const now = this.#clock.now()
    const kept = parseSession(await this.#store.get(name), certificate, userId)
    const resumes = kept !== null && now - kept.lastSeenAt <= this.#idleMs
    const session = resumes
      ? { ...kept, lastSeenAt: now }
      : { id: randomBytes(24).toString('base64url'), certificate, userId, startedAt: now, lastSeenAt: now }
    if (!resumes) await this.#keep(session)
    this.#sessions.set(name, session)
    return { session, begins: !resumes }
  }

  async #keep(session: GatewaySession): Promise<void> {
    const record = new TextEncoder().encode(JSON.stringify(session))
    await this.#store.put(recordName(session.certificate, session.userId), record, {
      expiresAtMs: session.lastSeenAt + this.#idleMs,
    })
  }
}

function recordName(certificate: string, userId: string): string {
  return `session/${certificate}/${userId}`
}

function parseSession(record: Uint8Array | null, certificate: string, userId: string): GatewaySession | null {
  if (record === null) return null
  const value: unknown = JSON.parse(new TextDecoder().decode(record))
  if (typeof value !== 'object' || value === null) return null
  const { id, startedAt, lastSeenAt } = value as Partial<GatewaySession>
  if (typeof id !== 'string' || typeof startedAt !== 'number' || typeof lastSeenAt !== 'number') return null
  return { id, certificate, userId, startedAt, lastSeenAt }
}
