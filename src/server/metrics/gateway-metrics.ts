import { Registry } from 'prom-client'
import type { Clock } from '../../core/clock.js'
import { Fault } from '../../core/faults.js'
import type { RefusalCode } from '../../core/refusals.js'
import {
  type CacheResult,
  type CertificateEnd,
  type Counts,
  type CrlEnd,
  noCounts,
  type PlaceState,
  type TimedStage,
  type TokenEventKind,
  type UpstreamErrorKind,
} from './counts.js'
import { registerGatewayMetrics } from './exposition.js'
import { EventLoopLag, registerProcessMetrics } from './process-metrics.js'

/** A series each; more would make a scrape slow and is no longer looked at by anybody. */
const mostEnds = 500

export interface GatewayMetricsOptions {
  readonly clock: Clock
  readonly version: string
}

/**
 * What the gateway counts of itself. The methods are called while requests are on their way: they add to
 * plain numbers and never throw. No label holds what a client may choose.
 */
export class GatewayMetrics {
  readonly #registry = new Registry()
  readonly #clock: Clock
  readonly #counts: Counts
  readonly #lag = new EventLoopLag()
  #scrape: Promise<string> | null = null

  constructor({ clock, version }: GatewayMetricsOptions) {
    this.#clock = clock
    this.#counts = noCounts(clock.now())
    registerGatewayMetrics(this.#registry, this.#counts, version)
    registerProcessMetrics(this.#registry, this.#lag)
  }

  /** Every decision once. @param code null exactly where it is `allow` */
  requestDecided(decision: 'allow' | 'refuse', code: RefusalCode | null): void {
    if (decision === 'allow' || code === null) this.#counts.allowed += 1
    else this.#counts.refused[code] += 1
  }

  stageTook(stage: TimedStage, durationMs: number): void {
    this.#counts.stages.get(stage)?.observe(durationMs)
  }

  verdictCache(result: CacheResult): void {
    this.#counts.verdictCache[result] += 1
  }

  upstreamFailed(kind: UpstreamErrorKind): void {
    this.#counts.upstreamErrors[kind] += 1
  }

  /** Whatever was thrown on the way of a request or in a background task. */
  faulted(error: unknown): void {
    this.#counts.faults[error instanceof Fault ? error.code : 'internal'] += 1
  }

  websocketOpened(): void {
    this.#counts.websocketsOpen += 1
    this.#counts.websocketsOpened += 1
  }

  /** One that was told of by `websocketOpened`. @param code of the first close frame; 1005, 1006 without */
  websocketEnded(code: number): void {
    const { websocketsEnded } = this.#counts
    const name = websocketsEnded.has(String(code)) ? String(code) : 'other'
    websocketsEnded.set(name, (websocketsEnded.get(name) ?? 0) + 1)
    this.#counts.websocketsOpen -= 1
  }

  /** A session that begins: a certificate and a user. */
  signedIn(): void {
    this.#counts.signIns += 1
  }

  token(event: TokenEventKind): void {
    this.#counts.tokens[event] += 1
  }

  auditFailed(): void {
    this.#counts.auditFailures += 1
  }

  auditWritable(writable: boolean): void {
    this.#counts.auditWritable = writable
  }

  configReloaded(taken: boolean): void {
    this.#counts.reloads[taken ? 'taken' : 'refused'] += 1
    this.#counts.reloadSucceeded = taken
    if (taken) this.#counts.reloadedAtMs = this.#clock.now()
  }

  /** In place of those that were told of before; the ones that end first, where there are too many. */
  certificates(ends: readonly CertificateEnd[]): void {
    this.#counts.certificates = [...ends].sort((a, b) => a.notAfterMs - b.notAfterMs).slice(0, mostEnds)
  }

  /** In place of those that were told of before. */
  crls(ends: readonly CrlEnd[]): void {
    this.#counts.crls = [...ends].sort((a, b) => a.nextUpdateMs - b.nextUpdateMs).slice(0, mostEnds)
  }

  /** In place of those that were told of before; those that fail first, where there are too many. */
  places(places: readonly PlaceState[]): void {
    const failing = (place: PlaceState) => Number(place.failure === null)
    this.#counts.places = [...places].sort((a, b) => failing(a) - failing(b)).slice(0, mostEnds)
  }

  /** Numbers alone, for `/status`. */
  get counts(): Readonly<Counts> {
    return this.#counts
  }

  /** Prometheus's text format. Whoever asks while it is being written gets the same text. */
  text(): Promise<string> {
    this.#scrape ??= this.#registry.metrics().finally(() => {
      this.#scrape = null
    })
    return this.#scrape
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Names and labels of all that is written, for the documentation's test. */
  get registry(): Registry {
    return this.#registry
  }

  close(): void {
    this.#lag.close()
  }
}
