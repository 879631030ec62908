import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'
import { resolveConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/core/config-error.js'
import { Fault } from '../../src/core/faults.js'
import { silentLog } from '../../src/front/log.js'
import { observe } from '../../src/front/observer.js'
import { certificateEnds } from '../../src/server/metrics/certificate-ends.js'
import { GateWatch } from '../../src/server/metrics/gate-watch.js'
import { GatewayMetrics } from '../../src/server/metrics/gateway-metrics.js'
import { MetricsListener } from '../../src/server/metrics/metrics-listener.js'
import { Readiness, type ReadinessReport } from '../../src/server/metrics/readiness.js'
import { packageVersion } from '../../src/server/metrics/version.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { makeCa } from '../support/certificates.js'

const nowMs = Date.UTC(2026, 0, 2)

function createMetrics(t: Test): GatewayMetrics {
  const metrics = new GatewayMetrics({ clock: { now: () => nowMs }, version: '1.2.3' })
  t.teardown(() => metrics.close())
  return metrics
}

/** The value of one series of the text; null: there is none. */
async function value(metrics: GatewayMetrics, series: string): Promise<number | null> {
  const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? null : Number(line.slice(series.length + 1))
}

test('counts decisions by refusal code, each code there from the start', async (t) => {
  const metrics = createMetrics(t)
  t.equal(await value(metrics, 'mattergate_requests_total{decision="refuse",code="cross_site"}'), 0)
  metrics.requestDecided('allow', null)
  metrics.requestDecided('allow', null)
  metrics.requestDecided('refuse', 'certificate_expired')
  t.equal(await value(metrics, 'mattergate_requests_total{decision="allow",code=""}'), 2)
  t.equal(await value(metrics, 'mattergate_requests_total{decision="refuse",code="certificate_expired"}'), 1)
  t.equal(await value(metrics, 'mattergate_requests_total{decision="refuse",code="cross_site"}'), 0)
})

test('keeps the duration of each stage as a cumulative histogram in seconds', async (t) => {
  const metrics = createMetrics(t)
  for (const durationMs of [0.04, 0.05, 3, 60_000]) metrics.stageTook('verify', durationMs)
  const bucket = (le: string) =>
    value(metrics, `mattergate_stage_duration_seconds_bucket{stage="verify",le="${le}"}`)
  t.equal(await bucket('0.00005'), 2, 'a bound belongs to its bucket')
  t.equal(await bucket('0.0025'), 2)
  t.equal(await bucket('0.005'), 3)
  t.equal(await bucket('30'), 3)
  t.equal(await bucket('+Inf'), 4)
  t.equal(await value(metrics, 'mattergate_stage_duration_seconds_count{stage="verify"}'), 4)
  const sum = await value(metrics, 'mattergate_stage_duration_seconds_sum{stage="verify"}')
  t.ok(Math.abs((sum ?? 0) - 60.003_09) < 1e-9, String(sum))
  t.equal(await value(metrics, 'mattergate_stage_duration_seconds_count{stage="upstream"}'), 0)
})

test('counts what happens besides requests', async (t) => {
  const metrics = createMetrics(t)
  metrics.verdictCache('hit')
  metrics.verdictCache('miss')
  metrics.upstreamFailed('timeout')
  metrics.faulted(new Fault('ERR_STORE_IO', 'reading'))
  metrics.faulted(new TypeError('a bug'))
  metrics.faulted('not even an error')
  for (let count = 0; count < 3; count += 1) metrics.websocketOpened()
  metrics.websocketEnded(4401)
  metrics.websocketEnded(3999)
  metrics.signedIn()
  metrics.token('created')
  metrics.auditFailed()
  metrics.auditWritable(false)
  metrics.configReloaded(false)
  const expected: readonly (readonly [string, number])[] = [
    ['mattergate_verdict_cache_lookups_total{result="hit"}', 1],
    ['mattergate_verdict_cache_lookups_total{result="miss"}', 1],
    ['mattergate_upstream_errors_total{kind="timeout"}', 1],
    ['mattergate_faults_total{code="ERR_STORE_IO"}', 1],
    ['mattergate_faults_total{code="internal"}', 2],
    ['mattergate_websockets_open', 1],
    ['mattergate_websockets_opened_total', 3],
    ['mattergate_websockets_ended_total{code="4401"}', 1],
    ['mattergate_websockets_ended_total{code="other"}', 1],
    ['mattergate_sign_ins_total', 1],
    ['mattergate_tokens_total{event="created"}', 1],
    ['mattergate_audit_failures_total', 1],
    ['mattergate_audit_writable', 0],
    ['mattergate_config_reloads_total{result="refused"}', 1],
    ['mattergate_config_last_reload_successful', 0],
    ['mattergate_config_last_reload_success_timestamp_seconds', nowMs / 1_000],
    [`mattergate_build_info{version="1.2.3",node="${process.versions.node}"}`, 1],
  ]
  for (const [series, number] of expected) t.equal(await value(metrics, series), number, series)
  t.equal(await value(metrics, 'mattergate_websockets_ended_total{code="3999"}'), null, 'no label of a peer')
})

test('shows when each certificate of trust, the listener’s own and each CRL ends', async (t) => {
  const metrics = createMetrics(t)
  const ca = await makeCa('Metrics CA')
  const store = createTrustStore([
    {
      name: 'staff',
      anchors: { file: 'ca.crt', text: ca.pem },
      intermediates: null,
      require: { clientAuth: 'if-stated', minRsaBits: 2_048, maxPathLength: 5, policies: anyPolicies },
    },
  ])
  const folder = t.testdir({ 'server.crt': ca.pem })
  const file = join(folder, 'server.crt')
  const listen = {
    ...{ kind: 'tcp' as const, host: '127.0.0.1', port: 1 },
    ...{ tls: { certificate: file, key: file }, multilineHeader: false },
  }
  const ends = await certificateEnds(store, { listen })
  t.same(
    ends.map(({ role, trust }) => [role, trust]),
    [
      ['anchor', 'staff'],
      ['server', ''],
    ],
  )
  t.equal(ends[0]?.notAfterMs, ends[1]?.notAfterMs, 'both readers of a certificate agree')
  metrics.certificates([
    { role: 'anchor', trust: 'staff', subject: `CN=${'x'.repeat(400)}`, notAfterMs: 9_000 },
    { role: 'anchor', trust: 'staff', subject: 'CN=twin', notAfterMs: 4_000 },
    { role: 'anchor', trust: 'staff', subject: 'CN=twin', notAfterMs: 3_000 },
  ])
  metrics.crls([{ trust: 'staff', issuer: 'CN=a\n"b"', nextUpdateMs: 5_000 }])
  const name = 'mattergate_certificate_not_after_timestamp_seconds'
  t.equal(
    await value(metrics, `${name}{role="anchor",trust="staff",subject="CN=twin"}`),
    3,
    'the earlier end',
  )
  t.equal(
    await value(
      metrics,
      `${name}{role="anchor",trust="staff",subject="${`CN=${'x'.repeat(400)}`.slice(0, 200)}"}`,
    ),
    9,
  )
  t.match(
    await metrics.text(),
    /crl_next_update_timestamp_seconds\{trust="staff",issuer="CN=a\ufffd\\"b\\""\} 5\n/,
  )
  const many = Array.from({ length: 2_000 }, (_, index) => ({
    ...{ role: 'anchor' as const, trust: 'staff', subject: `CN=${index}`, notAfterMs: index },
  }))
  metrics.certificates(many)
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith(`${name}{`))
  t.equal(lines.length, 500, 'bounded')
  t.equal(
    await value(metrics, `${name}{role="anchor",trust="staff",subject="CN=0"}`),
    0,
    'the first to end stay',
  )
})

test('describes each metric with its labels in docs/metrics.md, and no other', async (t) => {
  const metrics = createMetrics(t)
  const described = readFileSync(resolve(import.meta.dirname, '../../docs/metrics.md'), 'utf8')
    .split('\n')
    .map((line) => /^\| `([a-z_]+)` +\| (counter|gauge|histogram) +\| ((?:`[a-z]+`(?:, )?)*) *\|/.exec(line))
    .filter((found) => found !== null)
    .map(([, name, type, labels = '']) => `${name} ${type} ${labels.replaceAll(/[`,]/g, '').trim()}`.trim())
  const text = await metrics.text()
  metrics.certificates([{ role: 'server', trust: '', subject: 'CN=a', notAfterMs: 1 }])
  metrics.crls([{ trust: 'a', issuer: 'CN=a', nextUpdateMs: 1 }])
  metrics.places([{ trust: 'a', kind: 'crl', url: 'http://a', failure: null }])
  const filled = await metrics.text()
  const registered = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => {
    const series = new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, 'm').exec(filled)?.[1] ?? ''
    const labels = [...series.matchAll(/(\w+)="/g)]
      .map(([, label]) => label)
      .filter((label) => label !== 'le')
    return `${name} ${type} ${labels.join(' ')}`.trim()
  })
  t.ok(registered.length > 20)
  t.same([...described].sort(), [...registered].sort())
})

test('every metric stands in Prometheus’s own form: a help, a type, a unit', async (t) => {
  const text = await createMetrics(t).text()
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    t.match(text, new RegExp(`^# HELP ${name} [A-Z0-9].*\\.$`, 'm'), name)
    t.equal(name.endsWith('_total'), type === 'counter', name)
  }
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    t.match(line, /^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (\d[\d.e+-]*|-?\d+|Nan)$/)
  }
})

test('readiness: 503 for what lets nobody in, degraded for the rest, in plain sentences', async (t) => {
  const told: ReadinessReport[] = []
  const readiness = new Readiness((report) => told.push(report))
  t.equal(readiness.report().status, 'unready')
  t.same(
    readiness.report().reasons.map(({ code }) => code),
    ['starting'],
  )
  readiness.clear('starting')
  t.same(readiness.report(), { status: 'ready', reasons: [] })
  readiness.set('crl_late', 'the CRL of staff is late', 'staff')
  readiness.set('crl_late', 'the CRL of guests is late', 'guests')
  t.equal(readiness.report().status, 'degraded')
  t.equal(readiness.report().reasons.length, 2)
  readiness.set('audit_unavailable')
  t.equal(readiness.report().status, 'unready')
  t.equal(readiness.report().reasons[0]?.code, 'audit_unavailable', 'the grave ones first')
  const before = told.length
  readiness.set('audit_unavailable')
  readiness.clear('draining')
  t.equal(told.length, before, 'nothing is told where nothing changed')
  readiness.put('audit_unavailable', false)
  readiness.clear('crl_late', 'staff')
  readiness.clear('crl_late', 'guests')
  t.equal(told.at(-1)?.status, 'ready')
  for (let index = 0; index < 1_000; index += 1) readiness.set('crl_late', 'late', String(index))
  readiness.set('draining')
  t.ok(readiness.report().reasons.length < 100)
  t.equal(readiness.report().reasons[0]?.code, 'draining')
})

test('what the gate tells becomes counts and conditions, and is told on', async (t) => {
  const metrics = createMetrics(t)
  const readiness = new Readiness()
  readiness.clear('starting')
  let now = 0
  const watch = new GateWatch({ metrics, readiness, clock: { now: () => now } })
  t.teardown(() => watch.stop())
  const told: string[] = []
  const listeners = { tokenReplaced: (id: string) => told.push(id), reloaded: () => told.push('reloaded') }
  const observer = watch.observe(observe(silentLog, listeners))
  const codes = (): string[] => readiness.report().reasons.map(({ code }) => code)
  observer.token({ type: 'replaced', userId: 'u1', tokenId: 't1' })
  t.same(told, ['u1'])
  t.equal(await value(metrics, 'mattergate_tokens_total{event="replaced"}'), 1)
  observer.reloadRefused('files', new Error('half a file'))
  t.same(codes(), ['reload_refused'])
  watch.measures.auditFailed()
  watch.measures.verdictLooked('hit')
  watch.measures.stageTook('audit', 1)
  watch.measures.sessionBegan()
  t.equal(await value(metrics, 'mattergate_audit_failures_total'), 1)
  t.equal(await value(metrics, 'mattergate_verdict_cache_lookups_total{result="hit"}'), 1)
  t.equal(await value(metrics, 'mattergate_stage_duration_seconds_count{stage="audit"}'), 1)
  t.equal(await value(metrics, 'mattergate_sign_ins_total'), 1)
  observer.roomFault(new Fault('ERR_MATTERMOST_UNREACHABLE', 'asking'))
  t.same(codes(), ['reload_refused', 'mattermost_unreachable'])
  const audit = { writable: false }
  watch.start(audit)
  t.equal(readiness.report().status, 'unready')
  t.equal(await value(metrics, 'mattergate_audit_writable'), 0)
  watch.stop()
  now = 61_000
  watch.start({ writable: true })
  t.same(codes(), ['reload_refused'])
  t.equal(await value(metrics, 'mattergate_audit_writable'), 1)
})

/** A folder whose path is short enough for a socket. */
function place(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'metrics-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'ca.crt'), '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n')
  return folder
}

interface Place {
  readonly listener: MetricsListener
  readonly metrics: GatewayMetrics
  readonly readiness: Readiness
}

async function startListener(t: Test, where: Record<string, unknown>, folder = place(t)): Promise<Place> {
  const config = { ...(await resolveConfig(sound, { baseDirectory: folder })) }
  const metrics = createMetrics(t)
  const readiness = new Readiness()
  const at =
    'socket' in where
      ? { kind: 'socket' as const, path: join(folder, 'metrics.sock') }
      : { kind: 'tcp' as const, host: '127.0.0.1', port: 0, ...where }
  const options = { metrics, readiness, log: silentLog, version: packageVersion() }
  const listener = await MetricsListener.start({ ...config, metrics: at }, options)
  if (listener === null) throw new Error('no listener')
  t.teardown(() => listener.close())
  return { listener, metrics, readiness }
}

const sound = {
  public: { url: 'https://chat.example.com' },
  trust: [{ name: 'staff', ca: 'ca.crt' }],
  mattermost: { signIn: 'none' },
  audit: { file: 'audit.jsonl' },
}

interface Asked {
  readonly method?: string
  readonly headers?: http.OutgoingHttpHeaders | readonly string[]
}

interface Heard {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

function ask(
  { listener }: Place,
  path: string,
  { method = 'GET', headers = {} }: Asked = {},
): Promise<Heard> {
  const { address } = listener
  const at = address.startsWith('/')
    ? { socketPath: address }
    : { host: '127.0.0.1', port: Number(address.split(':').at(-1)) }
  return new Promise((resolve, reject) => {
    const request = http.request({ ...at, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      })
    })
    request.once('error', reject)
    request.end()
  })
}

test('answers /metrics, /healthz, /readyz and /status, and nothing else', async (t) => {
  const place = await startListener(t, {})
  const { readiness, metrics } = place
  t.match((await ask(place, '/metrics')).headers['content-type'], /^text\/plain; version=0\.0\.4/)
  const starting = await ask(place, '/readyz')
  t.equal(starting.status, 503)
  t.match(JSON.parse(starting.text), { status: 'unready' })
  t.equal((await ask(place, '/healthz')).status, 200, 'alive while it is not ready')
  readiness.clear('starting')
  readiness.set('mattermost_unreachable')
  const degraded = await ask(place, '/readyz')
  t.equal(degraded.status, 200)
  t.match(JSON.parse(degraded.text), {
    status: 'degraded',
    reasons: [{ code: 'mattermost_unreachable', message: String }],
  })
  metrics.requestDecided('refuse', 'user_unknown')
  const status: unknown = JSON.parse((await ask(place, '/status')).text)
  t.match(status, {
    status: 'degraded',
    requests: { allowed: 0, refused: 1, refusedByCode: { user_unknown: 1 } },
  })
  const page = await ask(place, '/status', { headers: { Accept: 'text/html' } })
  t.match(page.headers['content-security-policy'], /^default-src 'none'/)
  t.match(page.text, /mattergate is degraded/)
  const head = await ask(place, '/metrics', { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.text, '')
  const posted = await ask(place, '/metrics', { method: 'POST' })
  t.equal(posted.status, 405)
  t.equal(posted.headers.allow, 'GET, HEAD')
  for (const path of [
    '/',
    '/metrics/',
    '/constructor',
    '/__proto__',
    'http://a/metrics',
    '/api/v4/users/me',
  ]) {
    t.equal((await ask(place, path)).status, 404, path)
  }
  t.equal((await ask(place, '/healthz?a=1')).status, 200)
})

test('over TCP a Host that is not its own reads nothing: DNS rebinding', async (t) => {
  const place = await startListener(t, {})
  const own = ['localhost', 'LOCALHOST:9108', '127.0.0.1', '127.0.0.1:1', '127.77.0.1', '[::1]:9108']
  const foreign = [
    'chat.example.com',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example:9108',
  ]
  const odd = ['10.0.0.1', '[::1].evil.example', '::1', 'localhost:1:2', 'a@localhost', '0.0.0.0', '127.1']
  for (const Host of own) t.equal((await ask(place, '/metrics', { headers: { Host } })).status, 200, Host)
  for (const path of ['/metrics', '/healthz', '/readyz', '/status', '/nothing']) {
    for (const Host of [...foreign, ...odd]) {
      const { status, text } = await ask(place, path, { headers: { Host } })
      t.equal(status, 421, `${Host}${path}`)
      t.notMatch(text, /mattergate_/)
    }
  }
  const twice = ['Host', 'localhost', 'Host', 'localhost']
  t.not((await ask(place, '/metrics', { headers: twice })).status, 200, 'two of them')
})

test('over a unix socket any Host will do, and its mode is 0660', async (t) => {
  const place = await startListener(t, { socket: true })
  t.equal(statSync(place.listener.address).mode & 0o777, 0o660)
  t.equal((await ask(place, '/readyz', { headers: { Host: 'anything' } })).status, 503)
})

test('takes the socket of a dead process, and leaves that of a living one', async (t) => {
  const folder = place(t)
  const left = `require('net').createServer().listen('${join(folder, 'metrics.sock')}', () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', left])
  t.equal(statSync(join(folder, 'metrics.sock')).isSocket(), true, 'one is left')
  const { listener } = await startListener(t, { socket: true }, folder)
  await t.rejects(startListener(t, { socket: true }, folder), ConfigError)
  t.equal(statSync(listener.address).isSocket(), true)
})

test('refuses an address in use, and says that it is that of the metrics', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const error: unknown = await startListener(t, { port }).catch((found: unknown) => found)
  t.ok(error instanceof ConfigError && error.issues[0]?.message.startsWith('metrics: '))
})

test('one of two whose scrape runs at once gets the same text; lag is measured', async (t) => {
  const metrics = createMetrics(t)
  const [first, second] = await Promise.all([metrics.text(), metrics.text()])
  t.equal(first, second)
  t.ok(((await value(metrics, 'mattergate_event_loop_lag_seconds{statistic="max"}')) ?? -1) >= 0)
  t.ok(((await value(metrics, 'process_resident_memory_bytes')) ?? 0) > 1e6)
})

test('metrics take a socket, or host and port', async (t) => {
  const issues = async (metrics: unknown): Promise<readonly string[]> => {
    const found: unknown = await resolveConfig(
      { ...sound, listen: { host: '127.0.0.1', port: 8066 }, proxy: { trusted: ['127.0.0.1/32'] }, metrics },
      { baseDirectory: t.testdirName },
    ).catch((error: unknown) => error)
    if (!(found instanceof ConfigError)) return []
    return found.issues.map(({ message }) => message).filter((message) => message.startsWith('metrics'))
  }
  t.same(await issues({ host: '127.0.0.1', port: 9108 }), [])
  t.same(await issues({ socket: '/run/mattergate/metrics.sock' }), [])
  t.match(await issues({ host: '127.0.0.1' }), [/^metrics\.port: /])
  t.match(await issues({ port: 9108 }), [/^metrics\.host: /])
  t.match(await issues({ socket: '/a', port: 9108 }), [/^metrics\.socket: /])
  t.match(await issues({}), [/^metrics: /])
  t.match(await issues({ host: '127.0.0.1', port: 8066 }), [/^metrics: /])
})
