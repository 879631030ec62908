// What can be tried of systemd where none runs: the units' files, a fake NOTIFY_SOCKET, a folder of credentials.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'
import { createLog } from '../../src/front/log.js'
import { SystemdNotify } from '../../src/server/systemd-notify.js'
import { eventually } from '../support/eventually.js'
import { startFakeSystemd } from '../support/fake-systemd.js'
import { send, startRunning } from '../support/running-gateway.js'

const root = resolve(import.meta.dirname, '../..')
const cli = join(root, 'dist/cli.js')

/** A folder whose path is short enough for a socket. */
function place(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'systemd-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function notify(
  t: Test,
  environment: NodeJS.ProcessEnv,
  program?: string,
): { told: SystemdNotify; log: string[] } {
  const log: string[] = []
  const pino = createLog('info')
  const warn = (_fields: unknown, message?: string): void => void log.push(String(message))
  const told = new SystemdNotify(environment, {
    log: Object.assign(pino, { warn }),
    ...(program === undefined ? {} : { program }),
  })
  t.teardown(() => told.close())
  return { told, log }
}

test('tells systemd that it is ready, reloads and stops, in that order', async (t) => {
  const { socket, messages } = await startFakeSystemd(t)
  const { told, log } = notify(t, { NOTIFY_SOCKET: socket })
  void told.ready('serving\nREADY=0')
  void told.reloading()
  void told.ready('serving again')
  void told.status('audit_unavailable')
  await told.stopping()
  await eventually(
    async () => messages.length,
    (count) => count === 5,
  )
  t.equal(messages[0], 'READY=1|STATUS=serving READY=0', 'a status is one line')
  t.match(messages[1], /^RELOADING=1\|MONOTONIC_USEC=\d+$/)
  const at = Number(messages[1]?.split('=').at(-1)) / 1e6
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  t.ok(at <= uptime + 1, 'since boot, not since 1970')
  t.same(messages.slice(2), [
    'READY=1|STATUS=serving again',
    'STATUS=audit_unavailable',
    'STOPPING=1|STATUS=stopping',
  ])
  t.same(log, [])
})

test('keeps the watchdog content from the first READY until it is closed', async (t) => {
  const { socket, messages } = await startFakeSystemd(t)
  const { told } = notify(t, {
    NOTIFY_SOCKET: socket,
    WATCHDOG_USEC: '60000',
    WATCHDOG_PID: String(process.pid),
  })
  await told.status('starting')
  t.notOk(messages.includes('WATCHDOG=1'))
  await told.ready('serving')
  // The timer holds no process up; a test needs one that does.
  const awake = setInterval(() => undefined, 50)
  t.teardown(() => clearInterval(awake))
  await eventually(
    async () => messages.filter((message) => message === 'WATCHDOG=1').length,
    (count) => count >= 3,
  )
  await told.close()
  await told.status('the end')
  const last = await eventually(
    async () => messages.at(-1),
    (message) => message === 'STATUS=the end',
  )
  t.equal(last, 'STATUS=the end')
})

test('a watchdog that is another process’s, or none, is left alone', async (t) => {
  const { socket, messages } = await startFakeSystemd(t)
  for (const watchdog of [
    {},
    { WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' },
    { WATCHDOG_USEC: '0' },
    { WATCHDOG_USEC: 'x' },
  ]) {
    const { told } = notify(t, { NOTIFY_SOCKET: socket, ...watchdog })
    await told.ready('serving')
    for (let count = 0; count < 5; count += 1) await told.status(String(count))
    await told.close()
  }
  await eventually(
    async () => messages.length,
    (count) => count === 24,
  )
  t.notOk(messages.includes('WATCHDOG=1'))
})

test('runs nothing without a NOTIFY_SOCKET, and a failure is said once and harms nothing', async (t) => {
  const silent = notify(t, { WATCHDOG_USEC: '1000' }, '/nowhere/systemd-notify')
  await silent.told.ready('serving')
  await silent.told.stopping()
  t.same(silent.log, [])
  const failing = notify(t, { NOTIFY_SOCKET: join(place(t), 'nobody') })
  await failing.told.ready('serving')
  await failing.told.stopping()
  t.equal(failing.log.length, 1)
  const missing = notify(t, { NOTIFY_SOCKET: '/nowhere' }, '/nowhere/systemd-notify')
  await missing.told.ready('serving')
  t.equal(missing.log.length, 1)
})

const units = ['mattergate.service', 'mattergate@.service']

/** The unit in a folder of its own, with a command that is there. */
function installed(t: Test, unit: string): string {
  const file = join(place(t), unit)
  writeFileSync(
    file,
    readFileSync(join(root, 'systemd', unit), 'utf8').replaceAll('/usr/bin/mattergate', process.execPath),
  )
  return file
}

test('systemd finds nothing to say against the units, nor against the drop-in', async (t) => {
  for (const unit of units) {
    const file = installed(t, unit)
    if (unit === 'mattergate.service') {
      mkdirSync(`${file}.d`)
      writeFileSync(
        `${file}.d/local-mode.conf`,
        readFileSync(join(root, 'systemd/mattergate.service.d/local-mode.conf')),
      )
    }
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
    })
    t.equal(status, 0, unit)
    t.equal(`${stdout}${stderr}`, '', unit)
  }
})

test('the units are exposed by 1.5 of 10 at most', async (t) => {
  for (const unit of units) {
    const options = ['security', '--offline=true', '--threshold=15', '--no-pager', installed(t, unit)]
    const { status, stdout } = spawnSync('systemd-analyze', options, { encoding: 'utf8' })
    t.equal(status, 0, stdout.split('\n').at(-2) ?? unit)
  }
})

test('an instance is the same service with names of its own', async (t) => {
  const lines = (unit: string): string[] =>
    readFileSync(join(root, 'systemd', unit), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
  const named = lines('mattergate@.service').map((line) =>
    line
      .replace('mattergate %i', 'mattergate')
      .replace('/%i.yaml', '/config.yaml')
      .replace('/%i.', '/')
      .replace('=mattergate-%i', '=mattergate'),
  )
  t.same(named, lines('mattergate.service'))
})

test('runs as a user that may write to its own folders alone, with the credentials that systemd shows', async (t) => {
  const running = await startRunning(t)
  await running.gateway.stop()
  const { folder } = running
  const credentials = join(folder, 'credentials')
  const own = join(folder, 'own')
  const nobody = 65_534
  const isRoot = process.getuid?.() === 0
  for (const made of [credentials, own]) mkdirSync(made, { mode: 0o700 })
  writeFileSync(join(credentials, 'admin-token'), running.standin.adminToken, { mode: 0o400 })
  writeFileSync(join(credentials, 'store-key'), `${'ab'.repeat(32)}\n`, { mode: 0o400 })
  const configuration = readFileSync(running.configFile, 'utf8')
    .replace('http.sock', 'own/http.sock')
    .replace('tokenFile: admin-token', 'tokenFile: credential:admin-token')
    .replace('{ path: store }', '{ path: own/store, keyFile: credential:store-key }')
    .replace('audit.jsonl', 'own/audit.jsonl')
  const config = join(folder, 'service.yaml')
  writeFileSync(config, configuration)
  if (isRoot) {
    chmodSync(folder, 0o755)
    for (const made of [credentials, own, join(credentials, 'admin-token'), join(credentials, 'store-key')])
      chownSync(made, nobody, nobody)
  }
  const command = [process.execPath, cli, 'serve', '--config', config]
  const asNobody = [
    `--reuid=${nobody}`,
    `--regid=${nobody}`,
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
  ]
  const [program = '', ...args] = isRoot ? ['setpriv', ...asNobody, ...command] : command
  const child: ChildProcess = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, CREDENTIALS_DIRECTORY: credentials },
    cwd: '/',
  })
  t.teardown(() => child.kill('SIGKILL'))
  const up = await eventually(
    async () => send(join(own, 'http.sock'), { certificate: running.mmuser }).catch(() => null),
    (answer) => answer !== null || child.exitCode !== null,
  )
  t.equal(up?.status, 200, 'signed in with the token of the credential')
  t.notOk(existsSync(join(own, 'store/key')), 'the key is the credential')
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number]
  t.equal(code, 0)
  await running.restart().catch((error: unknown) => t.error(error))
})
