import type { Clock } from '../../core/clock.js'
import { Fault } from '../../core/faults.js'
import type { Decision } from '../../gate/decision.js'
import type { LiveObserver } from '../../gate/live-gate.js'
import type { CacheResult, TimedStage } from './counts.js'
import type { GatewayMetrics } from './gateway-metrics.js'
import type { Readiness } from './readiness.js'

/** So long after the last failure Mattermost counts as reachable again. */
const forgivenMs = 60_000
const lookEveryMs = 1_000

export interface GateWatchOptions {
  readonly metrics: GatewayMetrics
  readonly readiness: Readiness
  readonly clock: Clock
}

/** What the gate tells, as counts and conditions, and what it has to be asked for each second. */
export class GateWatch {
  readonly #options: GateWatchOptions
  #unreachableAt: number | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(options: GateWatchOptions) {
    this.#options = options
  }

  /** For the gate, which calls these while it decides. */
  readonly measures = {
    decided: (decision: Decision): void => {
      const { metrics } = this.#options
      if (decision.allowed) metrics.requestDecided('allow', null)
      else metrics.requestDecided('refuse', decision.code)
    },
    stageTook: (stage: TimedStage, durationMs: number): void =>
      this.#options.metrics.stageTook(stage, durationMs),
    verdictLooked: (result: CacheResult): void => this.#options.metrics.verdictCache(result),
    sessionBegan: (): void => this.#options.metrics.signedIn(),
    auditFailed: (): void => this.#options.metrics.auditFailed(),
  }

  /** An observer that counts faults, tokens and reloads, and tells the other one. */
  observe(observer: LiveObserver): LiveObserver {
    const { metrics, readiness } = this.#options
    return {
      refused: (decision, detail) => observer.refused(decision, detail),
      fault: (error, requestId) => {
        this.#noteFault(error)
        observer.fault(error, requestId)
      },
      token: (event) => {
        metrics.token(event.type)
        observer.token(event)
      },
      roomFault: (error) => {
        this.#noteFault(error)
        observer.roomFault(error)
      },
      storeWarning: (message) => observer.storeWarning(message),
      trustWarning: (warning) => observer.trustWarning(warning),
      reloaded: (what, config) => {
        metrics.configReloaded(true)
        readiness.clear('reload_refused')
        observer.reloaded(what, config)
      },
      reloadRefused: (what, error) => {
        metrics.configReloaded(false)
        readiness.set('reload_refused')
        observer.reloadRefused(what, error)
      },
      auditHead: (head, seq) => observer.auditHead(head, seq),
    }
  }

  /** Until `stop`. */
  start(audit: { readonly writable: boolean }): void {
    this.#look(audit)
    this.#timer = setInterval(() => this.#look(audit), lookEveryMs).unref()
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #look({ writable }: { readonly writable: boolean }): void {
    const { metrics, readiness, clock } = this.#options
    metrics.auditWritable(writable)
    readiness.put('audit_unavailable', !writable)
    if (this.#unreachableAt === null || clock.now() - this.#unreachableAt < forgivenMs) return
    this.#unreachableAt = null
    readiness.clear('mattermost_unreachable')
  }

  #noteFault(error: unknown): void {
    const { metrics, readiness, clock } = this.#options
    metrics.faulted(error)
    if (!(error instanceof Fault)) return
    if (error.code === 'ERR_STORE_IO') readiness.set('store_unavailable')
    if (error.code === 'ERR_MATTERMOST_CREDENTIAL') readiness.set('admin_credential_refused')
    if (error.code !== 'ERR_MATTERMOST_UNREACHABLE') return
    this.#unreachableAt = clock.now()
    readiness.set('mattermost_unreachable')
  }
}
