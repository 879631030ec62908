import type { Config } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import { Fault } from '../core/faults.js'
import type { Refusal } from '../core/refusals.js'
import { errorFields, type Log } from '../front/log.js'
import type { LiveGate, LiveObserver } from '../gate/live-gate.js'
import type { GateMeasures } from '../gate/measures.js'
import type { UpstreamWatch } from '../proxy/http-exchange.js'
import { certificateEnds } from './metrics/certificate-ends.js'
import { GateWatch } from './metrics/gate-watch.js'
import { GatewayMetrics } from './metrics/gateway-metrics.js'
import { MetricsListener } from './metrics/metrics-listener.js'
import { Readiness } from './metrics/readiness.js'
import { packageVersion } from './metrics/version.js'
import { RevocationWatch } from './revocation-watch.js'
import { compareSiteUrl } from './site-url.js'
import type { SystemdNotify } from './systemd-notify.js'

const askMs = 15_000
const lookMs = 1_000
const storeMs = 5_000
const endsMs = 3_600_000
const soonMs = 30 * 86_400_000

export interface InstrumentsOptions {
  readonly log: Log
  readonly clock: Clock
  readonly notify: SystemdNotify | null
}

/** What the gateway shows of itself: metrics, readiness, the listener for both, and systemd's notice. */
export class Instruments {
  readonly metrics: GatewayMetrics
  readonly readiness: Readiness
  readonly #options: InstrumentsOptions
  readonly #gateWatch: GateWatch
  readonly #revocationWatch: RevocationWatch
  readonly #timers: NodeJS.Timeout[] = []
  #listener: MetricsListener | null = null
  #siteUrlCompared = false

  private constructor(options: InstrumentsOptions) {
    const { log, clock, notify } = options
    this.#options = options
    this.metrics = new GatewayMetrics({ clock, version: packageVersion() })
    this.readiness = new Readiness(({ status, reasons }) => {
      log.info({ status, reasons }, 'readiness')
      void notify?.status([status, ...reasons.map(({ message }) => message)].join('; '))
    })
    const watched = { metrics: this.metrics, readiness: this.readiness, clock }
    this.#gateWatch = new GateWatch(watched)
    this.#revocationWatch = new RevocationWatch({ ...watched, log })
  }

  /** Before anything slow, so that `/readyz` can say that the gateway is starting. @throws ConfigError */
  static async start(config: Config, options: InstrumentsOptions): Promise<Instruments> {
    const instruments = new Instruments(options)
    const { metrics, readiness } = instruments
    try {
      const parts = { metrics, readiness, log: options.log, version: packageVersion() }
      instruments.#listener = await MetricsListener.start(config, parts)
      return instruments
    } catch (error) {
      metrics.close()
      throw error
    }
  }

  /** `127.0.0.1:9108`, or a socket's path; null: there is no such listener. */
  get address(): string | null {
    return this.#listener?.address ?? null
  }

  readonly upstream: UpstreamWatch = {
    answered: (durationMs) => this.metrics.stageTook('upstream', durationMs),
    failed: (refusal) => this.#upstreamFailed(refusal),
  }

  get measures(): GateMeasures {
    return this.#gateWatch.measures
  }

  /** Counts what is told, and passes it on. */
  watch(observer: LiveObserver): LiveObserver {
    return this.#gateWatch.observe(observer)
  }

  /** The gateway listens. From now on what may go wrong is looked at again and again. */
  async ready(live: LiveGate, address: string): Promise<void> {
    await this.#compareSiteUrl(live)
    await this.noteEnds(live)
    this.#revocationWatch.look(live.opened.gate.ruling)
    this.readiness.clear('starting')
    this.#gateWatch.start(live.opened.audit)
    this.#every(askMs, () => this.#askMattermost(live))
    this.#every(endsMs, () => this.noteEnds(live))
    this.#every(lookMs, () => this.#revocationWatch.look(live.opened.gate.ruling))
    this.#every(storeMs, () => this.#proveStore(live))
    await this.#options.notify?.ready(`listens on ${address}`)
  }

  /** When the certificates that are relied on end; called again after a reload. */
  async noteEnds({ opened: { gate } }: LiveGate): Promise<void> {
    const { trusts, config } = gate.ruling
    const ends = await certificateEnds(trusts, config)
    const soon = this.#options.clock.now() + soonMs
    this.metrics.certificates(ends)
    this.readiness.put(
      'certificate_ending',
      ends.some(({ notAfterMs }) => notAfterMs < soon),
    )
  }

  async reloading(reload: () => Promise<void>): Promise<void> {
    const { notify } = this.#options
    await notify?.reloading()
    await reload()
    await notify?.ready(this.readiness.report().status)
  }

  draining(): void {
    this.readiness.set('draining')
    void this.#options.notify?.stopping()
  }

  /** Last of all, so that `draining` can be seen until the end. */
  async close(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    this.#gateWatch.stop()
    await this.#listener?.close()
    await this.#options.notify?.close()
    this.metrics.close()
  }

  #upstreamFailed({ code }: Refusal): void {
    if (code === 'upstream_timeout') this.metrics.upstreamFailed('timeout')
    else if (code === 'upstream_unreachable') this.metrics.upstreamFailed('unreachable')
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

  /** One request to Mattermost answers for both: whether it is there, and takes the credential. */
  async #askMattermost(live: LiveGate): Promise<void> {
    const { client } = live.opened
    if (client === null) return
    const code = await client.proveAdmin().then(
      () => null,
      (error: unknown) => (error instanceof Fault ? error.code : 'ERR_MATTERMOST_ANSWER'),
    )
    this.readiness.put('mattermost_unreachable', code !== null && code !== 'ERR_MATTERMOST_CREDENTIAL')
    this.readiness.put('admin_credential_refused', code === 'ERR_MATTERMOST_CREDENTIAL')
    if (code === null && !this.#siteUrlCompared) await this.#compareSiteUrl(live)
  }

  /** Once it has failed it is tried by writing, until it is there again. */
  async #proveStore({ opened: { store } }: LiveGate): Promise<void> {
    if (!this.readiness.has('store_unavailable')) return
    const isWritten = await store.put('readiness', new Uint8Array()).then(
      () => true,
      // What is wrong was told when it failed first; that it still is, the condition says.
      () => false,
    )
    if (isWritten) this.readiness.clear('store_unavailable')
  }

  async #compareSiteUrl({ opened: { gate, client } }: LiveGate): Promise<void> {
    const compared = await compareSiteUrl(gate.ruling.config, client, this.#options.log)
    this.#siteUrlCompared = compared !== 'unknown'
    this.readiness.put('site_url_differs', compared === 'differs')
  }
}
