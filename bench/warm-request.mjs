// Processor time of the proxy's process per warm request, side by side in one run, in interleaved rounds:
//   npm run bench -- [--seconds 3] [--rounds 5] [--only undici,nginx]
// OAUTH2_PROXY=/path/to/oauth2-proxy takes that peer along.
// What each row is stands in docs; numbers compare within one run only.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { load } from './load.mjs'
import { processorSeconds, startMattergate, startModule, startNginx, startOauth2Proxy } from './proxies.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
})
const path = '/api/v4/bench'
const folder = await mkdtemp(join(tmpdir(), 'mattergate-bench-'))
const children = []
const standins = []

/** A certificate that mattergate accepts, and a stand-in that knows its user; null before a build. */
async function prepareMattergate() {
  const certificates = join(import.meta.dirname, '../dist/demo/demo-certificates.js')
  const standin = join(import.meta.dirname, '../dist/demo/standin/standin.js')
  if (!existsSync(certificates) || !existsSync(standin)) return null
  const { makeDemoCertificates } = await import(certificates)
  const { startStandin } = await import(standin)
  const files = await makeDemoCertificates(join(folder, 'certificates'), new Date())
  const mattermost = await startStandin({
    users: [
      { username: 'admin', roles: 'system_admin system_user' },
      { username: 'mmuser', email: 'mmuser@mattermost.com' },
    ],
  })
  standins.push(mattermost)
  return {
    caFile: files.ca,
    certificate: await files.escapedCertificate('mmuser'),
    adminToken: mattermost.adminToken,
    standinUrl: mattermost.url,
  }
}

function proxies(upstreamPort, prepared) {
  const upstream = `http://127.0.0.1:${upstreamPort}`
  const mattergate = (auditRequests) => () =>
    prepared === null ? null : startMattergate(folder, { ...prepared, upstreamPort, auditRequests })
  return [
    { name: 'undici', title: 'bare undici dispatch', start: () => startModule('bare-undici.mjs', upstream) },
    {
      name: 'http-proxy',
      title: 'bare @fastify/http-proxy',
      start: () => startModule('bare-http-proxy.mjs', upstream),
    },
    { name: 'nginx', title: 'nginx proxy_pass', start: () => startNginx(folder, upstreamPort) },
    { name: 'oauth2-proxy', title: 'oauth2-proxy, no sign-in', start: () => startOauth2Proxy(upstreamPort) },
    {
      name: 'forwarder',
      title: "mattergate's forwarder, no gate",
      start: () => startModule('forwarder-alone.mjs', upstream),
    },
    { name: 'sign-ins', title: 'mattergate, audit: sign-ins', start: mattergate('sign-ins') },
    { name: 'all', title: 'mattergate, audit: all', start: mattergate('all') },
  ]
}

/** Those that are there, running and warm. */
async function startAll(known, headers) {
  const started = []
  for (const proxy of known) {
    const running = await Promise.resolve(proxy.start()).catch((error) => {
      console.error(`${proxy.title}: left out, ${error.message}`)
      return null
    })
    if (running === null) continue
    children.push(running.child)
    await load({ port: running.port, path, headers, seconds: 2 })
    started.push({ ...proxy, ...running, costs: [], rates: [] })
  }
  return started
}

async function measure({ child, port, costs, rates }, headers, seconds) {
  const before = await processorSeconds(child.pid)
  const requests = await load({ port, path, headers, seconds })
  costs.push((((await processorSeconds(child.pid)) - before) / requests) * 1e6)
  rates.push(requests / seconds)
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

function print(measured) {
  const cost = (name) => {
    const found = measured.find((proxy) => proxy.name === name)
    return found === undefined ? null : median(found.costs)
  }
  const peers = ['nginx', 'undici', 'http-proxy', 'oauth2-proxy']
  const columns = ['CPU µs', 'spread', 'req/s', ...peers.map((name) => `× ${name}`)]
  console.log(`${''.padEnd(34)}${columns.map((column) => column.padStart(14)).join('')}`)
  for (const { title, costs, rates } of measured) {
    const own = median(costs)
    const ratios = peers.map((name) => (cost(name) === null ? '' : (own / cost(name)).toFixed(2)))
    const spread = `${Math.min(...costs).toFixed(1)}–${Math.max(...costs).toFixed(1)}`
    const row = [own.toFixed(1), spread, median(rates).toFixed(0), ...ratios]
    console.log(`${title.padEnd(34)}${row.map((cell) => cell.padStart(14)).join('')}`)
  }
}

try {
  const prepared = await prepareMattergate()
  const upstream = await startModule('upstream.mjs', ...(prepared === null ? [] : [prepared.standinUrl]))
  children.push(upstream.child)
  const headers = { 'X-SSL-Client-Cert': prepared?.certificate ?? 'A'.repeat(1_800) }
  const wanted = values.only?.split(',')
  const known = proxies(upstream.port, prepared).filter(({ name }) => wanted?.includes(name) ?? true)
  const running = await startAll(known, headers)
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const proxy of running) await measure(proxy, headers, Number(values.seconds))
  }
  print(running)
} finally {
  for (const child of children) child.kill()
  for (const standin of standins) await standin.close()
  await rm(folder, { recursive: true, force: true })
}
