// A certificate turns bad while a request that it brought is on its way through the gate.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { openAuditLog } from '../../src/audit/audit-log.js'
import { resolveConfig } from '../../src/config/load.js'
import { systemClock } from '../../src/core/clock.js'
import { Gate } from '../../src/gate/gate.js'
import { Holders } from '../../src/gate/holders.js'
import { LiveRevocation } from '../../src/gate/live-revocation.js'
import { noMeasures } from '../../src/gate/measures.js'
import { readRuling } from '../../src/gate/ruling.js'
import type { Directory } from '../../src/mattermost/directory.js'
import { NoSignIn } from '../../src/mattermost/no-sign-in.js'
import type { MattermostUser } from '../../src/mattermost/user.js'
import { SessionBook } from '../../src/sessions/session-book.js'
import { memoryStore } from '../../src/store/memory-store.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { escaped } from '../support/running-gateway.js'

const clock = systemClock
const user: MattermostUser = {
  id: 'id1',
  username: 'mmuser',
  email: 'mmuser@mattermost.com',
  deleteAt: 0,
  isBot: false,
}

/** A gate whose directory answers when it is told to. */
async function openGate(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-gate-'))
  const audit = await openAuditLog({ file: join(folder, 'audit.jsonl'), chain: true, clock })
  t.teardown(async () => {
    await audit.close()
    await rm(folder, { recursive: true })
  })
  const ca = await makeCa('Test CA')
  const mine = await makeUser(ca)
  await writeFile(join(folder, 'ca.crt'), ca.pem)
  await writeFile(join(folder, 'deny'), '')
  const config = await resolveConfig(
    {
      ...{ public: { url: 'https://chat.example.com' }, mattermost: null, audit: { file: 'audit.jsonl' } },
      ...{ trust: [{ name: 'staff', ca: 'ca.crt' }], denyList: 'deny' },
    },
    { baseDirectory: folder },
  )
  const lookUps: (() => void)[] = []
  // The gate looks accounts up by these two alone.
  const directory = {
    cached: () => null,
    find: () => new Promise((resolve) => lookUps.push(() => resolve(user))),
  } as unknown as Directory
  const holders = new Holders({ clock, idleMs: 60_000 })
  const gate = new Gate({
    ...{ ruling: await readRuling(config, clock), holders, directory, audit },
    ...{ driver: new NoSignIn(), ownsCredentials: false },
    sessions: new SessionBook({ store: memoryStore(clock), clock, idleMs: 60_000 }),
    cookieStyle: { secure: true },
    observer: { refused: () => undefined, fault: () => undefined },
    measures: noMeasures,
  })
  const rawHeaders = ['Host', 'chat.example.com', 'X-SSL-Client-Cert', escaped(mine)]
  const ask = () => gate.admit({ method: 'GET', target: '/x', rawHeaders, peer: { socket: true } })
  const deny = async () => {
    await writeFile(join(folder, 'deny'), `serial:${mine.serial}\n`)
    gate.replace(await readRuling(config, clock))
  }
  const lookingUp = async () => {
    while (lookUps.length === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const lookedUp = async () => {
    await lookingUp()
    for (const answer of lookUps.splice(0)) answer()
  }
  return { gate, holders, audit, ask, deny, lookingUp, lookedUp }
}

test('what is denied while its account is looked up is not let in', async (t) => {
  const { ask, deny, lookingUp, lookedUp, holders } = await openGate(t)
  const asking = ask()
  await lookingUp()
  await deny()
  await lookedUp()
  t.match(await asking, { allowed: false, code: 'certificate_revoked' })
  t.equal(holders.all().length, 0)
})

test('what is forgotten while its account is looked up is judged again, and let in where it is good', async (t) => {
  const { gate, ask, lookingUp, lookedUp, holders } = await openGate(t)
  const asking = ask()
  await lookingUp()
  gate.ruling.judge.forget(null)
  await lookedUp()
  await lookedUp()
  t.match(await asking, { allowed: true })
  t.equal(holders.all().length, 1)
})

test('a websocket that opens while its certificate is being ended is found by the next look', async (t) => {
  const { gate, audit, ask, deny, lookedUp, holders } = await openGate(t)
  const asking = ask()
  await lookedUp()
  const decision = await asking
  if (!decision.allowed) throw new Error(decision.code)
  const open = new Set<typeof decision>()
  const ended: number[] = []
  const live = new LiveRevocation({
    ...{ holders, audit, clock, driver: new NoSignIn(), ruling: () => gate.ruling },
    onFault: (error) => t.fail(String(error)),
  })
  live.attach({
    open: () => [...open].map((allowed) => ({ allowed })),
    endWhere: (predicate, code) => {
      for (const allowed of open) if (predicate(allowed) && open.delete(allowed)) ended.push(code)
      return ended.length
    },
  })
  await deny()
  await live.endRefused(true)
  t.equal(holders.all().length, 0)
  open.add(decision)
  await live.endDue()
  t.strictSame(ended, [4401])
  t.equal(holders.all().length, 0)
})
