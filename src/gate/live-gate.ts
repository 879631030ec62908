import type { Config } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import { ConfigError } from '../core/config-error.js'
import { trustWarnings } from '../x509/trust-warnings.js'
import { closeAskers } from './askers.js'
import { FileWatch, lookAt } from './file-watch.js'
import { changedFixedKeys } from './fixed-keys.js'
import type { Websockets } from './live-revocation.js'
import type { GateMeasures } from './measures.js'
import { type OpenedGate, openGate, type RoomObserver } from './open-gate.js'
import { readRuling, watchedFiles } from './ruling.js'
import { Upkeep } from './upkeep.js'

/** Told of what changes while the gate runs. */
export interface LiveObserver extends RoomObserver {
  /** New files, or a new configuration, are in use. */
  reloaded(what: ReloadCause, config: Config): void
  /** What ran before goes on. */
  reloadRefused(what: ReloadCause, error: unknown): void
  auditHead(head: string | null, seq: number): void
}

/** A signal asked for everything to be read again, or a watched file changed. */
export type ReloadCause = 'configuration' | 'files'

export interface LiveGateOptions {
  readonly config: Config
  readonly clock: Clock
  readonly observer: LiveObserver
  readonly measures: GateMeasures
  /** Reads the configuration anew; null: it is a plain object, and only its files can change. */
  readonly readConfig: (() => Promise<Config>) | null
}

/** What a reload did. */
interface Taken {
  /** A verdict may be another now. */
  readonly changed: boolean
  /** The trusts are what they were. */
  readonly pathsHold: boolean
}

/** A gate that stays true: files of trust are looked at, what has become bad ends, a reload is whole or nothing. */
export class LiveGate {
  readonly opened: OpenedGate
  readonly #options: LiveGateOptions
  readonly #upkeep: Upkeep
  readonly #watch: FileWatch
  #last: Promise<unknown> = Promise.resolve()
  #sweep: Promise<void> = Promise.resolve()
  #nextSweep: Promise<void> | null = null
  #problem: string | null = null

  private constructor(options: LiveGateOptions, opened: OpenedGate, look: string) {
    this.#options = options
    this.opened = opened
    opened.onStatusChange((sha256) => this.#statusChanged(sha256))
    this.#watch = new FileWatch(() => watchedFiles(opened.gate.ruling.config), look)
    const { mattermost } = options.config
    this.#upkeep = new Upkeep({
      opened,
      clock: options.clock,
      directoryCacheMs: mattermost?.directoryCacheMs ?? null,
      look: () => this.#serially(() => this.#lookAtFiles()),
      auditHead: () => this.#tellHead(),
      onFault: (error) => options.observer.roomFault(error),
    })
  }

  /** @throws ConfigError for what the operator must mend, Fault where something cannot be opened. */
  static async open(options: LiveGateOptions): Promise<LiveGate> {
    const { config, clock, observer, measures } = options
    const look = await lookAt(watchedFiles(config))
    return new LiveGate(options, await openGate(config, clock, observer, measures), look)
  }

  /** Why the last reload was refused; null: what was asked for last is what runs. */
  get problem(): string | null {
    return this.#problem
  }

  /** @param websockets those that end with their certificate; null where the gate's host ends them */
  start(websockets: Websockets | null): void {
    this.#tellHead()
    this.#upkeep.start(websockets)
  }

  /** Ends the regular tasks; the gate itself goes on deciding. */
  stop(): void {
    this.#upkeep.stop()
  }

  async close(): Promise<void> {
    this.#upkeep.stop()
    await this.#last
    await this.opened.close()
  }

  /**
   * Reads the configuration, its files and the administrator's token anew, all of it or nothing, and goes
   * over to the audit file that now bears the name. What is wrong is told to the observer.
   */
  reload(): Promise<void> {
    return this.#serially(async () => {
      await this.opened.audit.reopen().catch((error: unknown) => this.#options.observer.roomFault(error))
      const { readConfig } = this.#options
      const read = async (): Promise<Config> => {
        const running = this.opened.gate.ruling.config
        const config = readConfig === null ? running : await readConfig()
        refuseFixed(running, config)
        return config
      }
      await this.#take('configuration', read)
    })
  }

  /** What was fetched says something else than before: verdicts are made anew, and what has turned bad ends. */
  #statusChanged(sha256: string | null): void {
    const { gate, liveRevocation } = this.opened
    gate.ruling.judge.forget(sha256)
    const ending = sha256 === null ? this.#endRefused() : liveRevocation.endIfRefused(sha256)
    void ending.catch((error: unknown) => this.#options.observer.roomFault(error))
  }

  /** Whatever comes while everybody is being looked at is seen to by one further look. */
  #endRefused(): Promise<void> {
    this.#nextSweep ??= this.#sweep
      .catch(() => undefined)
      .then(() => {
        this.#nextSweep = null
        this.#sweep = this.opened.liveRevocation.endRefused(true)
        return this.#sweep
      })
    return this.#nextSweep
  }

  async #lookAtFiles(): Promise<void> {
    const look = await this.#watch.changed()
    if (look !== null) await this.#take('files', () => Promise.resolve(this.opened.gate.ruling.config), look)
  }

  async #take(cause: ReloadCause, read: () => Promise<Config>, seen: string | null = null): Promise<void> {
    const { observer } = this.#options
    try {
      const taken = await this.#read(cause, read, seen)
      if (taken === null) return
      this.#problem = null
      observer.reloaded(cause, this.opened.gate.ruling.config)
      await this.#audit('reloaded')
      if (taken.changed) await this.#enforce(taken)
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error)
      // A bad file is told once; the next change of it is looked at again.
      if (seen !== null) this.#watch.take(seen)
      observer.reloadRefused(cause, error)
      await this.#audit('kept')
    }
  }

  /** All is read and judged before any of it is taken. @returns null: a file is still being written */
  async #read(cause: ReloadCause, read: () => Promise<Config>, seen: string | null): Promise<Taken | null> {
    const { gate, client, revocation } = this.opened
    const config = await read()
    const look = seen ?? (await lookAt(watchedFiles(config)))
    const ruling = await readRuling(config, this.#options.clock, { before: gate.ruling, rooms: revocation })
    const useCredential = cause === 'configuration' ? (client?.rereadCredential() ?? null) : null
    if (seen !== null && !(await this.#watch.still(seen))) return null
    const changed = ruling.mark !== gate.ruling.mark
    const pathsHold = ruling.trustMark === gate.ruling.trustMark
    const before = gate.ruling
    gate.replace(ruling)
    await closeAskers(before.askers, ruling.askers)
    useCredential?.()
    this.#watch.take(look)
    return { changed, pathsHold }
  }

  async #enforce({ pathsHold }: Taken): Promise<void> {
    const { clock, observer } = this.#options
    const { gate, liveRevocation } = this.opened
    for (const warning of trustWarnings(gate.ruling.trusts, clock.now())) observer.trustWarning(warning)
    await liveRevocation.endRefused(pathsHold).catch((error: unknown) => observer.roomFault(error))
  }

  async #audit(reason: 'reloaded' | 'kept'): Promise<void> {
    const { observer } = this.#options
    await this.opened.audit
      .write({ event: 'reload', reason })
      .catch((error: unknown) => observer.roomFault(error))
  }

  #tellHead(): void {
    const { headHash, seq } = this.opened.audit
    this.#options.observer.auditHead(headHash, seq)
  }

  #serially(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => null)
    return done
  }
}

/** @throws ConfigError that names every key which cannot change while running */
function refuseFixed(running: Config, config: Config): void {
  const changed = changedFixedKeys(running, config)
  if (changed.length === 0) return
  const file = config.file ?? '<config>'
  throw new ConfigError(
    changed.map((key) => ({
      ...{ file, line: 1, column: 1 },
      message: `${key} cannot change while running: restart the service, or set it back`,
    })),
  )
}
