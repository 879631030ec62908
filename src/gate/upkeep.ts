import type { Clock } from '../core/clock.js'
import { Refusal } from '../core/refusals.js'
import type { OcspSource } from '../revocation/ocsp/ocsp-source.js'
import type { Websockets } from './live-revocation.js'
import type { OpenedGate } from './open-gate.js'

export interface UpkeepOptions {
  readonly opened: OpenedGate
  readonly clock: Clock
  /** Users with open websockets are read again this often; null: accounts are not looked up. */
  readonly directoryCacheMs: number | null
  /** Looks at the watched files. */
  readonly look: () => Promise<void>
  readonly auditHead: () => void
  readonly onFault: (error: unknown) => void
}

const lookMs = 500
const sweepMs = 1_000
const flushMs = 60_000
const storeSweepMs = 600_000
const headMs = 3_600_000

/** What must happen by itself: one sweep a second ends what is due, so that nothing needs a timer of its own. */
export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #timers: NodeJS.Timeout[] = []
  #websockets: Websockets | null = null

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  start(websockets: Websockets | null): void {
    const { opened, directoryCacheMs, look, auditHead } = this.#options
    this.#websockets = websockets
    if (websockets !== null) opened.liveRevocation.attach(websockets)
    this.#every(lookMs, look)
    this.#every(sweepMs, () => this.#sweep())
    if (directoryCacheMs !== null) this.#every(Math.max(sweepMs, directoryCacheMs), () => this.#rereadUsers())
    this.#every(flushMs, () => opened.sessions.flush())
    this.#every(storeSweepMs, async () => {
      await opened.store.sweep()
    })
    this.#every(headMs, auditHead)
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
  }

  /** A run that takes longer than its interval is not joined by the next. */
  #every(intervalMs: number, task: () => void | Promise<void>): void {
    let running = false
    const run = async (): Promise<void> => {
      if (running) return
      running = true
      try {
        await task()
      } catch (error) {
        this.#options.onFault(error)
      } finally {
        running = false
      }
    }
    this.#timers.push(setInterval(() => void run(), intervalMs).unref())
  }

  async #sweep(): Promise<void> {
    const { gate, liveRevocation } = this.#options.opened
    const { judge, askers } = gate.ruling
    judge.sweep()
    for (const { source } of askers.responders.values()) void this.#refresh(source)
    for (const { source } of askers.lists.values()) source.refreshDue(this.#options.clock.now())
    await liveRevocation.endDue()
  }

  /** Nobody waits for it: a responder that hangs holds up no sweep. */
  async #refresh(source: OcspSource): Promise<void> {
    await source.refreshDue(this.#options.clock.now()).catch((error: unknown) => this.#options.onFault(error))
  }

  /** A deactivated user's socket would stay open at Mattermost, and go on on 5.x. */
  async #rereadUsers(): Promise<void> {
    const { directory } = this.#options.opened
    if (directory === null) return
    for (const userId of this.#usersWithWebsockets()) {
      const user = await directory.reread(userId)
      // An unreachable Mattermost says nothing about the account: its sockets end by themselves.
      if (user instanceof Refusal && user.code !== 'mattermost_unavailable') this.#endUser(userId, user)
    }
  }

  #usersWithWebsockets(): Set<string> {
    const ids = new Set<string>()
    for (const { allowed } of this.#websockets?.open() ?? []) {
      if (allowed.user !== null) ids.add(allowed.user.id)
    }
    return ids
  }

  #endUser(userId: string, refusal: Refusal): void {
    this.#websockets?.endWhere(({ user }) => user?.id === userId, 4403, refusal.message)
  }
}
