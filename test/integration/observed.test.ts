// What an operator sees of the running gateway: metrics, readiness, and systemd's notice.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { resolve } from 'node:path'
import { test } from 'tap'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.js'
import { startFakeSystemd } from '../support/fake-systemd.js'
import { escaped, publicUrl, type Running, send, startRunning } from '../support/running-gateway.js'

function ask(socketPath: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((settle, reject) => {
    const request = http.get(
      { socketPath, path, agent: false, headers: { Host: 'localhost' } },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => settle({ status: response.statusCode ?? 0, text }))
      },
    )
    request.once('error', reject)
  })
}

const withMetrics = { yaml: { metrics: '{ socket: metrics.sock }' } }

async function numbers(running: Running): Promise<ReadonlyMap<string, number>> {
  const { text } = await ask(resolve(running.folder, 'metrics.sock'), '/metrics')
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

test('what happens to requests is counted and timed', async (t) => {
  const running = await startRunning(t, withMetrics)
  await running.send()
  await running.send()
  await running.send({ certificate: null })
  const socket = new WebSocket(`ws+unix:${running.gateway.address}:/api/v4/websocket`, {
    headers: { Host: 'chat.example.com', Origin: publicUrl, 'X-SSL-Client-Cert': escaped(running.mmuser) },
  })
  await once(socket, 'open')
  t.equal((await numbers(running)).get('mattergate_websockets_open'), 1)
  socket.close(1000)
  await once(socket, 'close')
  const found = await eventually(
    () => numbers(running),
    (seen) => seen.get('mattergate_websockets_open') === 0,
  )
  const expected = {
    'mattergate_requests_total{decision="allow",code=""}': 3,
    'mattergate_requests_total{decision="refuse",code="certificate_missing"}': 1,
    'mattergate_verdict_cache_lookups_total{result="miss"}': 1,
    'mattergate_verdict_cache_lookups_total{result="hit"}': 2,
    mattergate_sign_ins_total: 1,
    'mattergate_tokens_total{event="created"}': 1,
    mattergate_websockets_opened_total: 1,
    'mattergate_websockets_ended_total{code="1000"}': 1,
    mattergate_audit_writable: 1,
    'mattergate_stage_duration_seconds_count{stage="intake"}': 4,
    'mattergate_stage_duration_seconds_count{stage="verify"}': 3,
    'mattergate_stage_duration_seconds_count{stage="account"}': 3,
    'mattergate_stage_duration_seconds_count{stage="audit"}': 3,
    'mattergate_stage_duration_seconds_count{stage="upstream"}': 2,
  }
  for (const [name, value] of Object.entries(expected)) t.equal(found.get(name), value, name)
  const ends = [...found.keys()].filter((name) => name.startsWith('mattergate_certificate_not_after'))
  t.equal(ends.length, 1)
  running.standin.setDown(true)
  t.equal((await running.send({ path: '/x' })).status, 502)
  const after = await numbers(running)
  t.equal(after.get('mattergate_upstream_errors_total{kind="unreachable"}'), 1)
  t.equal(after.get('mattergate_requests_total{decision="refuse",code="upstream_unreachable"}'), 1)
})

test('readiness names what is wrong, and only what stops everybody makes it 503', async (t) => {
  const running = await startRunning(t, withMetrics)
  const readyz = () => ask(resolve(running.folder, 'metrics.sock'), '/readyz')
  t.strictSame(JSON.parse((await readyz()).text), { status: 'ready', reasons: [] })
  const sound = await readFile(running.configFile, 'utf8')
  await writeFile(running.configFile, `${sound}rout: []\n`)
  await running.gateway.reload()
  const degraded = await readyz()
  t.equal(degraded.status, 200)
  t.match(JSON.parse(degraded.text), { status: 'degraded', reasons: [{ code: 'reload_refused' }] })
  t.equal((await numbers(running)).get('mattergate_config_last_reload_successful'), 0)
  await writeFile(running.configFile, sound)
  await running.gateway.reload()
  t.match(JSON.parse((await readyz()).text), { status: 'ready' })
  t.equal((await ask(running.gateway.address, '/metrics')).status, 401, 'never on the public listener')
})

test('a SiteURL that is another makes it degraded', async (t) => {
  const running = await startRunning(t, { ...withMetrics, standin: { siteUrl: 'https://other.example.com' } })
  const { text } = await ask(resolve(running.folder, 'metrics.sock'), '/readyz')
  t.match(JSON.parse(text), { status: 'degraded', reasons: [{ code: 'site_url_differs' }] })
})

test('serve tells systemd when it is ready, reloads and stops, and drains in sight of everybody', async (t) => {
  const running = await startRunning(t, withMetrics)
  await running.gateway.stop()
  const systemd = await startFakeSystemd(t)
  const cli = resolve(import.meta.dirname, '../../dist/cli.js')
  const child = spawn(process.execPath, [cli, 'serve', '--config', running.configFile], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NOTIFY_SOCKET: systemd.socket, WATCHDOG_USEC: '1000000' },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const heard = (what: RegExp) =>
    eventually(
      () => systemd.messages.filter((message) => what.test(message)).length,
      (count) => count > 0,
    )
  t.equal(await heard(/^READY=1\|STATUS=listens on .*http\.sock/), 1)
  t.ok((await heard(/^WATCHDOG=1/)) > 0)
  child.kill('SIGHUP')
  t.equal(await heard(/^RELOADING=1/), 1)
  await eventually(
    () => systemd.messages.filter((message) => message.startsWith('READY=1')).length,
    (count) => count === 2,
  )
  t.match((await running.audit()).at(-1), { event: 'reload' })
  const held = running.standin.holdNext('/slow')
  const slow = send(resolve(running.folder, 'http.sock'), { certificate: running.mmuser, path: '/slow' })
  await held.arrived
  child.kill('SIGTERM')
  t.equal(await heard(/^STOPPING=1/), 1)
  const draining = await ask(resolve(running.folder, 'metrics.sock'), '/readyz')
  t.equal(draining.status, 503)
  t.match(draining.text, /draining/)
  held.release()
  t.equal((await slow).status, 200)
  t.equal((await once(child, 'exit'))[0], 0)
  await running.restart().catch((error: unknown) => t.error(error))
})
