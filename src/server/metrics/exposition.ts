import { Counter, Gauge, type Registry } from 'prom-client'
import type { Counts } from './counts.js'
import { StageDurations } from './duration-histogram.js'

/** Every metric of the gateway's own, each described in docs/metrics.md; a test holds the two together. */
export function registerGatewayMetrics(registry: Registry, counts: Counts, version: string): void {
  const expose = new Exposition(registry)
  registerRequests(registry, expose, counts)
  registerMattermost(expose, counts)
  registerRunning(expose, counts, version)
  registerEnds(expose, counts)
}

function registerRequests(registry: Registry, expose: Exposition, counts: Counts): void {
  const requests = 'Requests and websocket upgrades that were decided, by decision and refusal code.'
  expose.counter('mattergate_requests_total', requests, ['decision', 'code'], () => [
    [{ decision: 'allow', code: '' }, counts.allowed],
    ...Object.entries(counts.refused).map(([code, value]): Sample => [{ decision: 'refuse', code }, value]),
  ])
  const took = 'How long a stage of a request took, in seconds.'
  registry.registerMetric(new StageDurations('mattergate_stage_duration_seconds', took, counts.stages))
  const cache = 'Certificates whose verdict was in the cache (hit) or had to be worked out (miss).'
  expose.counter('mattergate_verdict_cache_lookups_total', cache, ['result'], () =>
    labelled('result', counts.verdictCache),
  )
  expose.gauge('mattergate_websockets_open', 'Websockets that are open.', [], () => [
    [{}, counts.websocketsOpen],
  ])
  expose.counter('mattergate_websockets_opened_total', 'Websockets that were opened.', [], () => [
    [{}, counts.websocketsOpened],
  ])
  expose.counter('mattergate_websockets_ended_total', 'Websockets that ended, by close code.', ['code'], () =>
    labelled('code', Object.fromEntries(counts.websocketsEnded)),
  )
}

function registerMattermost(expose: Exposition, counts: Counts): void {
  const errors = 'Requests that could not be forwarded to Mattermost, by kind.'
  expose.counter('mattergate_upstream_errors_total', errors, ['kind'], () =>
    labelled('kind', counts.upstreamErrors),
  )
  expose.counter('mattergate_sign_ins_total', 'Sessions that began: a certificate and a user.', [], () => [
    [{}, counts.signIns],
  ])
  const tokens = 'Personal access tokens that were created, replaced or revoked.'
  expose.counter('mattergate_tokens_total', tokens, ['event'], () => labelled('event', counts.tokens))
}

function registerRunning(expose: Exposition, counts: Counts, version: string): void {
  const faults = 'Failures of a dependency or of the gateway itself, by code.'
  expose.counter('mattergate_faults_total', faults, ['code'], () => labelled('code', counts.faults))
  expose.counter('mattergate_audit_failures_total', 'Audit events that could not be written.', [], () => [
    [{}, counts.auditFailures],
  ])
  const writable = '1 while the audit file can be written; at 0 every request is refused.'
  expose.gauge('mattergate_audit_writable', writable, [], () => [[{}, Number(counts.auditWritable)]])
  const reloads = 'Reloads of the configuration or of a file it names, by result.'
  expose.counter('mattergate_config_reloads_total', reloads, ['result'], () =>
    labelled('result', counts.reloads),
  )
  const lastGood = '1 if the last reload was taken; 0 if it was refused and the old configuration runs.'
  expose.gauge('mattergate_config_last_reload_successful', lastGood, [], () => [
    [{}, Number(counts.reloadSucceeded)],
  ])
  const lastAt = 'When the configuration was last taken, in seconds since 1970.'
  expose.gauge('mattergate_config_last_reload_success_timestamp_seconds', lastAt, [], () => [
    [{}, counts.reloadedAtMs / 1_000],
  ])
  expose.gauge('mattergate_build_info', 'Always 1; the versions are labels.', ['version', 'node'], () => [
    [{ version, node: process.versions.node }, 1],
  ])
}

function registerEnds(expose: Exposition, counts: Counts): void {
  expose.gauge(
    'mattergate_certificate_not_after_timestamp_seconds',
    'When a certificate of trust, or the own TLS certificate, ends, in seconds since 1970.',
    ['role', 'trust', 'subject'],
    () =>
      counts.certificates.map(
        ({ role, trust, subject, notAfterMs }): Sample => [
          { role, trust, subject: bounded(subject) },
          notAfterMs / 1_000,
        ],
      ),
  )
  expose.gauge(
    'mattergate_crl_next_update_timestamp_seconds',
    'When a CRL in use says that its next one is due, in seconds since 1970.',
    ['trust', 'issuer'],
    () =>
      counts.crls.map(
        ({ trust, issuer, nextUpdateMs }): Sample => [
          { trust, issuer: bounded(issuer) },
          nextUpdateMs / 1_000,
        ],
      ),
  )
  expose.gauge(
    'mattergate_revocation_source_up',
    '1 if the last thing that came from an address of CRLs or OCSP answers was good.',
    ['trust', 'kind', 'url'],
    () =>
      counts.places.map(
        ({ trust, kind, url, failure }): Sample => [
          { trust, kind, url: bounded(url) },
          Number(failure === null),
        ],
      ),
  )
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

/** prom-client's counters and gauges, filled when they are asked. */
class Exposition {
  readonly #registers: [Registry]

  constructor(registry: Registry) {
    this.#registers = [registry]
  }

  counter(name: string, help: string, labelNames: readonly string[], samples: () => readonly Sample[]): void {
    new Counter({
      ...{ name, help, labelNames, registers: this.#registers },
      collect() {
        this.reset()
        for (const [labels, value] of samples()) this.inc(labels, value)
      },
    })
  }

  /** Where two samples have the same labels, the smaller one stands: it ends first. */
  gauge(name: string, help: string, labelNames: readonly string[], samples: () => readonly Sample[]): void {
    new Gauge({
      ...{ name, help, labelNames, registers: this.#registers },
      collect() {
        this.reset()
        for (const [labels, value] of [...samples()].sort(([, a], [, b]) => b - a)) this.set(labels, value)
      },
    })
  }
}

function labelled(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]): Sample => [{ [label]: name }, value])
}

/** A name from an operator's file may be of any length and hold controls. */
function bounded(name: string): string {
  return name.replace(/\p{Cc}/gu, '\ufffd').slice(0, 200)
}
