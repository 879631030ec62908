import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { openAuditLog } from '../../src/audit/audit-log.js'
import { openRegularFile } from '../../src/audit/opening.js'
import { resolveConfig } from '../../src/config/load.js'
import { systemClock } from '../../src/core/clock.js'
import { Gate } from '../../src/gate/gate.js'
import { Holders } from '../../src/gate/holders.js'
import { noMeasures } from '../../src/gate/measures.js'
import { readRuling } from '../../src/gate/ruling.js'
import { NoSignIn } from '../../src/mattermost/no-sign-in.js'
import { SessionBook } from '../../src/sessions/session-book.js'
import { memoryStore } from '../../src/store/memory-store.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { escaped } from '../support/running-gateway.js'

/** A gate whose audit file is on a disk that can be full. */
async function gateOnDisk(t: Test, disk: { full: boolean }) {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-gate-'))
  const audit = await openAuditLog({
    file: join(folder, 'audit.jsonl'),
    chain: true,
    clock: systemClock,
    probeMs: 20,
    open: async (path, flags, mode) => {
      const handle = await openRegularFile(path, flags, mode)
      const write = handle.write.bind(handle)
      handle.write = ((...args: Parameters<typeof write>) =>
        disk.full
          ? Promise.reject(new Error('ENOSPC: no space left on device'))
          : write(...args)) as typeof write
      return handle
    },
  })
  t.teardown(async () => {
    await audit.close()
    await rm(folder, { recursive: true })
  })
  const ca = await makeCa('Test CA')
  await writeFile(join(folder, 'ca.crt'), ca.pem)
  const clock = systemClock
  const config = await resolveConfig(
    {
      ...{ public: { url: 'https://chat.example.com' }, mattermost: null, audit: { file: 'audit.jsonl' } },
      trust: [{ name: 'staff', ca: 'ca.crt', identity: [{ from: 'subject.cn', match: 'username' }] }],
      routes: [{ path: '/hooks/*', certificate: 'none' }],
    },
    { baseDirectory: folder },
  )
  const gate = new Gate({
    ruling: await readRuling(config, clock),
    holders: new Holders({ clock, idleMs: 60_000 }),
    ...{ directory: null, driver: new NoSignIn(), ownsCredentials: false, audit },
    sessions: new SessionBook({ store: memoryStore(clock), clock, idleMs: 60_000 }),
    cookieStyle: { secure: true },
    observer: { refused: () => undefined, fault: () => undefined },
    measures: noMeasures,
  })
  const certificate = ['X-SSL-Client-Cert', escaped(await makeUser(ca))]
  const ask = async (target: string, headers: readonly string[] = certificate) => {
    const rawHeaders = ['Host', 'chat.example.com', ...headers]
    const decision = await gate.admit({ method: 'GET', target, rawHeaders, peer: { socket: true } })
    return decision.allowed ? 'allowed' : decision.code
  }
  return { ask, audit }
}

test('what the audit cannot hold is let in by nobody, on no route, and passes again by itself', async (t) => {
  const disk = { full: false }
  const { ask, audit } = await gateOnDisk(t, disk)
  t.equal(await ask('/x'), 'allowed')
  const before = audit.seq
  disk.full = true
  t.equal(await ask('/x'), 'audit_unavailable', 'the very request whose event does not fit')
  t.equal(await ask('/x'), 'audit_unavailable')
  t.equal(await ask('/x', []), 'audit_unavailable', 'a refusal, too, would go unseen')
  t.equal(await ask('/hooks/x', []), 'audit_unavailable')
  t.equal(audit.seq, before)
  disk.full = false
  t.equal(await eventually(() => audit.writable, Boolean), true)
  t.equal(await ask('/x'), 'allowed')
  t.equal(await ask('/x', []), 'certificate_missing')
})
