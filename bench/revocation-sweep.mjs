// 8,000 open websockets, a certificate each, through a real `mattergate serve`; a new CRL names half of them. How
// long after it was loaded the last of these was closed, and that the others stay:
//   npm run build && node bench/revocation-sweep.mjs [--websockets 8000]
// bench/revocation-sweep-alone.mjs measures the sweep without sockets.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { makeCa, makeUsers, writeList } from './sweep-parts.mjs'

const { values } = parseArgs({ options: { websockets: { type: 'string', default: '8000' } } })
const count = Number(values.websockets)
const mostMs = 1_000
const here = import.meta.dirname
const folder = await mkdtemp(join(tmpdir(), 'mattergate-sweep-'))
const children = []
const list = join(folder, 'staff.crl')

function startModule(name, ...args) {
  const child = fork(join(here, name), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  children.push(child)
  return child
}

/** @returns the gateway's address and the lines of its log */
async function startGateway(upstreamPort) {
  const config = join(folder, 'config.yaml')
  await writeFile(
    config,
    `listen: { socket: http.sock }
public: { url: "https://chat.example.com" }
trust:
  - { name: staff, ca: ca.crt, revocation: { mode: crl, crl: [staff.crl] }, identity: [{ from: subject.cn, match: username }] }
mattermost: { url: "http://127.0.0.1:${upstreamPort}", signIn: none }
limits: { connections: 20000, websockets: 20000 }
sessions: { path: store }
audit: { file: audit.jsonl }
`,
  )
  const child = spawn(process.execPath, [join(here, '../dist/cli.js'), 'serve', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)))
  await until(() => lines.some(({ msg }) => /listens|ready/.test(msg)))
  return { child, lines }
}

async function until(isSo) {
  for (let tries = 0; tries < 6_000; tries += 1) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('it did not come to pass within a minute')
}

async function report(child, what) {
  for (;;) {
    const [message] = await once(child, 'message')
    if (message.what === what) return message
  }
}

try {
  const ca = await makeCa()
  await writeFile(join(folder, 'ca.crt'), ca.pem)
  await writeList(list, ca, 1, [])
  const users = await makeUsers(ca, count)
  await writeFile(join(folder, 'users.json'), JSON.stringify(users.map(({ pem }) => encodeURIComponent(pem))))
  const upstream = startModule('websocket-upstream.mjs')
  const { port } = await report(upstream, 'listens')
  const gateway = await startGateway(port)
  const began = performance.now()
  const clients = startModule('websocket-clients.mjs', join(folder, 'http.sock'), join(folder, 'users.json'))
  await report(clients, 'opened')
  console.log(`${count} websockets opened in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(
    await readFile(`/proc/${gateway.child.pid}/status`, 'utf8'),
  )
  console.log(`gateway: ${(Number(kibibytes) / 1024).toFixed(0)} MiB resident`)
  const revoked = users.filter((_user, at) => at % 2 === 0).map(({ serial }) => serial)
  const writtenAt = Date.now()
  const closed = report(clients, 'closed')
  clients.send({ wanted: revoked.length })
  await writeList(list, ca, 2, revoked)
  const { lastAt, codes, open } = await closed
  const reloaded = () => gateway.lines.find(({ msg }) => msg === 'reloaded')
  await until(() => reloaded() !== undefined)
  const loadedAt = Date.parse(reloaded().time)
  const ended = (await readFile(join(folder, 'audit.jsonl'), 'utf8')).match(/"event":"session_end"/g) ?? []
  const sweepMs = lastAt - loadedAt
  console.log(`the list was loaded ${loadedAt - writtenAt} ms after it was written`)
  console.log(
    `${revoked.length} websockets closed ${sweepMs} ms after that, codes ${JSON.stringify(codes)}; ${open} stay open`,
  )
  console.log(`${ended.length} audit events of their ends`)
  const isMet =
    sweepMs < mostMs &&
    open === count - revoked.length &&
    codes['4401'] === revoked.length &&
    ended.length > 0
  console.log(`target: within ${mostMs} ms of being loaded: ${isMet ? 'met' : 'MISSED'}`)
  process.exitCode = isMet ? 0 : 1
} finally {
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}
