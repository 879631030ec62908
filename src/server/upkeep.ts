import type { Clock } from '../core/clock.js'
import { Refusal } from '../core/refusals.js'
import type { OpenedGate } from '../gate/open-gate.js'
import type { WebsocketForwarder } from '../proxy/websocket-forwarder.js'
import { errorFields, type Log } from './log.js'

export interface UpkeepOptions {
  readonly opened: OpenedGate
  readonly websockets: WebsocketForwarder
  readonly clock: Clock
  readonly log: Log
  /** Users with open websockets are read again this often. */
  readonly directoryCacheMs: number
}

const sweepMs = 1_000
const flushMs = 60_000
const storeSweepMs = 600_000
const headMs = 3_600_000

/** What must happen by itself: one sweep a second ends what is due, so that nothing needs a timer of its own. */
export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #timers: NodeJS.Timeout[] = []
  #rereading = false

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  start(): void {
    const { opened, log, directoryCacheMs } = this.#options
    this.#every(sweepMs, () => this.#sweep())
    this.#every(Math.max(sweepMs, directoryCacheMs), () => this.#rereadUsers())
    this.#every(flushMs, () => opened.sessions.flush())
    this.#every(storeSweepMs, async () => {
      await opened.store.sweep()
    })
    this.#every(headMs, () => log.info({ head: opened.audit.headHash, seq: opened.audit.seq }, 'audit head'))
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
  }

  #every(intervalMs: number, task: () => void | Promise<void>): void {
    const { log } = this.#options
    const run = async (): Promise<void> => {
      try {
        await task()
      } catch (error) {
        log.error(errorFields(error), 'a regular task failed')
      }
    }
    this.#timers.push(setInterval(() => void run(), intervalMs).unref())
  }

  #sweep(): void {
    const { opened, websockets, clock } = this.#options
    const now = clock.now()
    opened.judge.sweep()
    websockets.endWhere(
      ({ certificate }) => certificate !== null && now > certificate.validUntil,
      4401,
      'the certificate has expired',
    )
  }

  /** A deactivated user's socket would stay open at Mattermost, and go on on 5.x. */
  async #rereadUsers(): Promise<void> {
    const { directory } = this.#options.opened
    if (directory === null || this.#rereading) return
    this.#rereading = true
    try {
      for (const userId of this.#usersWithWebsockets()) {
        const user = await directory.reread(userId)
        // An unreachable Mattermost says nothing about the account: its sockets end by themselves.
        if (user instanceof Refusal && user.code !== 'mattermost_unavailable') this.#endUser(userId, user)
      }
    } finally {
      this.#rereading = false
    }
  }

  #usersWithWebsockets(): Set<string> {
    const ids = new Set<string>()
    for (const { allowed } of this.#options.websockets.open()) {
      if (allowed.user !== null) ids.add(allowed.user.id)
    }
    return ids
  }

  #endUser(userId: string, refusal: Refusal): void {
    this.#options.websockets.endWhere(({ user }) => user?.id === userId, 4403, refusal.message)
  }
}
