import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { startStandin } from '../../src/demo/standin/standin.js'
import type { Identity } from '../../src/identity/identity.js'
import { MattermostClient } from '../../src/mattermost/client.js'
import { Directory, type DirectoryOptions } from '../../src/mattermost/directory.js'
import { forgetIdentity, listIdentities } from '../../src/mattermost/remembered-identities.js'
import type { MattermostUser } from '../../src/mattermost/user.js'
import { openEmbeddedStore } from '../../src/store/embedded-store.js'

const byName = (value: string): Identity => ({ trust: 'staff', rule: 'subject.cn', value, match: 'username' })
const byEmail = (value: string): Identity => ({ trust: 'staff', rule: 'san.email', value, match: 'email' })
const cacheMs = 60_000

async function started(t: Test, over: Partial<DirectoryOptions> = {}) {
  const path = mkdtempSync(join(tmpdir(), 'mattergate-directory-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  const standin = await startStandin()
  t.teardown(() => standin.close())
  const tokenFile = join(path, 'admin-token')
  writeFileSync(tokenFile, standin.adminToken)
  const clock = { time: Date.UTC(2026, 10, 25), now: () => clock.time }
  const client = new MattermostClient({ url: standin.url, admin: { tokenFile }, clock })
  t.teardown(() => client.close())
  const { store } = await openEmbeddedStore({ path: join(path, 'store'), keyFile: null, clock })
  t.teardown(() => store.close())
  const deactivated: string[] = []
  const onDeactivated = (userId: string) => deactivated.push(userId)
  const options = { client, store, cacheMs, clock, onDeactivated, ...over }
  const anew = () => new Directory(options)
  return { standin, clock, client, store, deactivated, anew, directory: anew() }
}

/** A username, or the code of a refusal. */
function told(found: MattermostUser | Refusal | null): string | null {
  return found instanceof Refusal ? found.code : (found?.username ?? null)
}

test('maps a certificate to the account that bears its value', async (t) => {
  const { standin, directory, store } = await started(t)
  standin.addUser({ username: 'mixed', email: 'Mixed.Case@Example.com' })
  const expected = {
    alice: byName('alice'),
    bob: byEmail('bob@example.com'),
    mixed: byEmail('mixed.case@example.com'),
    user_unknown: byName('nobody'),
    user_deactivated: byName('carol'),
    user_is_bot: byEmail('robot@localhost'),
  }
  for (const [name, identity] of Object.entries(expected)) {
    t.equal(directory.cached(identity), null)
    t.equal(told(await directory.find(identity)), name)
    t.equal(told(directory.cached(identity)), name.startsWith('user_') ? null : name)
  }
  const remembered: string[] = []
  for await (const { value, userId } of listIdentities(store)) {
    remembered.push(value)
    t.equal(userId, Object.values(standin.users).find(({ username }) => value.startsWith(username))?.id)
  }
  t.strictSame(remembered.sort(), ['alice', 'bob@example.com', 'mixed.case@example.com'])
})

test('takes no account that does not carry the value asked for', async (t) => {
  const { standin, directory } = await started(t)
  const wrong = { id: standin.user('bob').id, username: 'bob', email: 'bob@example.com', delete_at: 0 }
  const answer = { status: 200, headers: {}, body: JSON.stringify(wrong) }
  standin.answerNext('/api/v4/users/username/alice', answer)
  t.equal(told(await directory.find(byName('alice'))), 'user_unknown')
  standin.answerNext('/api/v4/users/email/dave@example.com', answer)
  t.equal(told(await directory.find(byEmail('dave@example.com'))), 'user_unknown')
})

test('asks once for many at a time, and not again while it is believed', async (t) => {
  const { standin, directory, clock } = await started(t)
  standin.requests.length = 0
  const found = await Promise.all(Array.from({ length: 50 }, () => directory.find(byName('alice'))))
  t.ok(found.every((user) => told(user) === 'alice'))
  await directory.find(byName('alice'))
  t.equal(standin.requests.length, 1)
  await Promise.all(Array.from({ length: 50 }, () => directory.find(byName('nobody'))))
  await directory.find(byName('nobody'))
  t.equal(standin.requests.length, 2, 'a refusal is believed for a moment')
  clock.time += 5_000
  standin.addUser({ username: 'nobody' })
  t.equal(told(await directory.find(byName('nobody'))), 'nobody')
  clock.time += cacheMs
  t.equal(directory.cached(byName('alice')), null)
})

test('a deactivated account is refused once the cache has ended, and its tokens are to go', async (t) => {
  const { standin, directory, clock, deactivated } = await started(t)
  await directory.find(byName('alice'))
  standin.deactivate('alice')
  clock.time += cacheMs - 1
  t.equal(told(directory.cached(byName('alice'))), 'alice')
  clock.time += 1
  t.equal(told(await directory.find(byName('alice'))), 'user_deactivated')
  t.strictSame(deactivated, [standin.user('alice').id])
  standin.activate('alice')
  clock.time += 5_000
  t.equal(told(await directory.find(byName('alice'))), 'alice')
})

test('what is read again holds at once for every identity of the user', async (t) => {
  const { standin, directory, client } = await started(t)
  const { id } = standin.user('alice')
  const identities = [byName('alice'), byEmail('alice@example.com')]
  for (const identity of identities) await directory.find(identity)
  t.equal(told(await directory.reread(id)), 'alice')
  standin.deactivate('alice')
  t.equal(told(await directory.reread(id)), 'user_deactivated')
  for (const identity of identities) {
    t.equal(directory.cached(identity), null)
    t.equal(told(await directory.find(identity)), 'user_deactivated')
  }
  const bob = standin.user('bob').id
  await directory.find(byName('bob'))
  standin.deleteUser('bob')
  t.equal(told(await directory.reread(bob)), 'user_unknown')
  t.equal(directory.cached(byName('bob')), null)
  await client.close()
  t.equal(told(await directory.reread(id)), 'mattermost_unavailable')
})

test('a renamed user stays who he is, and who takes his name is not taken for him', async (t) => {
  const { standin, anew, store } = await started(t)
  const { id } = standin.user('alice')
  await anew().find(byName('alice'))
  standin.rename('alice', 'alice2')
  const found = await anew().find(byName('alice'))
  t.equal(found instanceof Refusal ? found.code : found.id, id)
  const taker = standin.addUser({ username: 'alice', email: 'other@example.com' })
  t.equal(told(await anew().find(byName('alice'))), 'identity_ambiguous')
  standin.deactivate('alice2')
  t.equal(told(await anew().find(byName('alice'))), 'identity_ambiguous', 'the earlier cause is named')
  t.equal(await forgetIdentity(store, byName('alice')), true)
  t.equal(await forgetIdentity(store, byName('alice')), false)
  const mapped = await anew().find(byName('alice'))
  t.equal(mapped instanceof Refusal ? mapped.code : mapped.id, taker.id)
})

test('an account that is gone is unknown, and ambiguous once another has its name', async (t) => {
  const { standin, anew } = await started(t)
  await anew().find(byName('alice'))
  standin.deleteUser('alice')
  t.equal(told(await anew().find(byName('alice'))), 'user_unknown')
  standin.addUser({ username: 'alice' })
  t.equal(told(await anew().find(byName('alice'))), 'identity_ambiguous')
})

test('one value is another by another rule or trust', async (t) => {
  const { standin, anew } = await started(t)
  await anew().find(byName('alice'))
  standin.rename('alice', 'alice2')
  standin.addUser({ username: 'alice', email: 'other@example.com' })
  const other = await anew().find({ ...byName('alice'), trust: 'partners' })
  t.equal(other instanceof Refusal ? other.code : other.email, 'other@example.com')
})

test('an unreachable Mattermost lets nobody in on an old word, and is not remembered', async (t) => {
  const { standin, directory, clock } = await started(t)
  await directory.find(byName('alice'))
  standin.setDown(true)
  t.equal(told(directory.cached(byName('alice'))), 'alice')
  clock.time += cacheMs
  t.equal(told(await directory.find(byName('alice'))), 'mattermost_unavailable')
  standin.setDown(false)
  t.equal(told(await directory.find(byName('alice'))), 'alice')
  const { id } = standin.user('alice')
  clock.time += cacheMs
  standin.answerNext(`/api/v4/users/${id}`, {
    status: 401,
    headers: {},
    body: '{"id":"api.context.session_expired.app_error"}',
  })
  const found = await directory.find(byName('alice'))
  t.match(found, { code: 'mattermost_unavailable', detail: /^ERR_MATTERMOST_CREDENTIAL/ })
})

test('only looks, where it is not to remember', async (t) => {
  const { directory, store } = await started(t, { remember: false })
  t.equal(told(await directory.find(byName('alice'))), 'alice')
  for await (const { value } of listIdentities(store)) t.fail(`remembered ${value}`)
})
