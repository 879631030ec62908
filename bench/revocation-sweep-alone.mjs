// The sweep of bench/revocation-sweep.mjs without sockets, processes and file watch: 8,000 certificates in use, a
// websocket each that only counts; a new CRL, or a deny list, names half of them. How long from the start of the
// sweep until the last of these is closed, until the audit file has all of it, and the longest block meanwhile:
//   npm run build && node bench/revocation-sweep-alone.mjs [--websockets 8000]
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openAuditLog } from '../dist/audit/audit-log.js'
import { resolveConfig } from '../dist/config/load.js'
import { Holders } from '../dist/gate/holders.js'
import { LiveRevocation } from '../dist/gate/live-revocation.js'
import { readRuling } from '../dist/gate/ruling.js'
import { NoSignIn } from '../dist/mattermost/no-sign-in.js'
import { makeCa, makeUsers, writeList } from './sweep-parts.mjs'

const { values } = parseArgs({ options: { websockets: { type: 'string', default: '8000' } } })
const count = Number(values.websockets)
const mostMs = 1_000
const clock = { now: () => Date.now() }
const folder = await mkdtemp(join(tmpdir(), 'mattergate-sweep-'))
const list = join(folder, 'staff.crl')
const denyList = join(folder, 'deny')
const settle = () => new Promise((resolve) => setTimeout(resolve, 50))

async function configure(ca) {
  await writeFile(join(folder, 'ca.crt'), ca.pem)
  const trust = {
    ...{ name: 'staff', ca: 'ca.crt', revocation: { mode: 'crl', crl: [list] } },
    identity: [{ from: 'subject.cn', match: 'username' }],
  }
  return resolveConfig(
    {
      ...{ public: { url: 'https://chat.example.com' }, mattermost: null, audit: { file: 'audit.jsonl' } },
      ...{ trust: [trust], denyList },
    },
    { baseDirectory: folder },
  )
}

/** As the gate allows it: what a sweep looks at. */
async function letIn({ intake, judge }, { pem }) {
  const rawHeaders = ['Host', 'chat.example.com', 'X-SSL-Client-Cert', encodeURIComponent(pem)]
  const request = intake.read({ method: 'GET', target: '/', rawHeaders, peer: { socket: true } })
  const verdict = await judge.judge(request)
  if (!verdict.accepted) throw new Error(`${verdict.refusal.code}: ${verdict.refusal.detail}`)
  return { ...verdict.holder, user: null, request }
}

function openWebsockets(allowed) {
  const open = new Set(allowed)
  const seen = { lastAt: 0, codes: {} }
  return {
    ...{ open, seen },
    websockets: {
      open: () => [...open].map((one) => ({ allowed: one })),
      endWhere: (predicate, code) => {
        const meant = [...open].filter(predicate)
        for (const one of meant) open.delete(one)
        seen.codes[code] = (seen.codes[code] ?? 0) + meant.length
        seen.lastAt = performance.now()
        return meant.length
      },
    },
  }
}

/** The longest time in which no timer ran. */
function watchLoop() {
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    const at = performance.now()
    longest = Math.max(longest, at - last - 1)
    last = at
  }, 1)
  return () => {
    clearInterval(timer)
    return longest
  }
}

/** @param revoke writes what revokes these */
async function sweep(ca, users, revoke) {
  await writeList(list, ca, 1, [])
  await writeFile(denyList, '')
  const config = await configure(ca)
  let ruling = await readRuling(config, clock)
  const allowed = []
  for (const user of users) allowed.push(await letIn(ruling, user))
  const audit = await openAuditLog({ file: join(folder, 'audit.jsonl'), chain: true, clock })
  const holders = new Holders({ clock, idleMs: 60_000 })
  const onFault = (error) => {
    throw error
  }
  const driver = new NoSignIn()
  const live = new LiveRevocation({ holders, driver, audit, clock, onFault, ruling: () => ruling })
  const { open, seen, websockets } = openWebsockets(allowed)
  live.attach(websockets)
  await revoke(users.filter((_user, at) => at % 2 === 0))
  ruling = await readRuling(config, clock)
  await settle()
  const blocked = watchLoop()
  await settle()
  const began = performance.now()
  await live.endRefused(true)
  const wholeMs = performance.now() - began
  await settle()
  const blockedMs = blocked()
  await audit.close()
  const right = open.size === Math.floor(count / 2) && holders.all().length === open.size
  return { closedMs: seen.lastAt - began, wholeMs, blockedMs, codes: seen.codes, right }
}

try {
  const ca = await makeCa()
  const users = await makeUsers(ca, count)
  const revocations = {
    'a new CRL': (revoked) =>
      writeList(
        list,
        ca,
        2,
        revoked.map(({ serial }) => serial),
      ),
    'a deny list': (revoked) =>
      writeFile(denyList, revoked.map(({ serial }) => `serial:${serial}\n`).join('')),
  }
  let met = true
  for (const [name, revoke] of Object.entries(revocations)) {
    const { closedMs, wholeMs, blockedMs, codes, right } = await sweep(ca, users, revoke)
    met &&= right && closedMs < mostMs
    const times = `all closed ${closedMs.toFixed(0)} ms, audited ${wholeMs.toFixed(0)} ms`
    console.log(
      `${name.padEnd(12)} ${times}, loop blocked ${blockedMs.toFixed(0)} ms at most, codes ${JSON.stringify(codes)}`,
    )
    if (!right) console.log('  those that stay open are not those that were meant to')
  }
  console.log(`target: closed within ${mostMs} ms of the sweep's start: ${met ? 'met' : 'MISSED'}`)
  process.exitCode = met ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
