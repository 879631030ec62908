import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type Test, test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { type Standin, startStandin } from '../../src/demo/standin/standin.js'
import {
  AccessTokenDriver,
  type AccessTokenDriverOptions,
  type TokenEvent,
} from '../../src/mattermost/access-token.js'
import { UnansweredFault } from '../../src/mattermost/api-connection.js'
import { MattermostClient } from '../../src/mattermost/client.js'
import { Directory } from '../../src/mattermost/directory.js'
import { NoSignIn } from '../../src/mattermost/no-sign-in.js'
import type { UpstreamSession } from '../../src/mattermost/sign-in.js'
import type { MattermostUser } from '../../src/mattermost/user.js'
import { openEmbeddedStore } from '../../src/store/embedded-store.js'
import type { Store } from '../../src/store/store.js'

const directoryCacheMs = 60_000

/** One Mattermost, and installations of mattergate on it, each with a store of its own. */
class Site {
  readonly standin: Standin
  readonly clock = { time: Date.UTC(2026, 10, 25), now: () => this.clock.time }
  readonly events: TokenEvent[] = []
  readonly faults: unknown[] = []
  readonly #t: Test
  readonly #folder: string

  constructor(t: Test, standin: Standin, folder: string) {
    this.standin = standin
    this.#t = t
    this.#folder = folder
  }

  static async start(t: Test): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), 'mattergate-token-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const standin = await startStandin({ localSocket: join(folder, 'local.sock') })
    t.teardown(() => standin.close())
    return new Site(t, standin, folder)
  }

  async store(name = 'store'): Promise<Store> {
    const { store } = await openEmbeddedStore({
      path: join(this.#folder, name),
      keyFile: null,
      clock: this.clock,
    })
    this.#t.teardown(() => store.close())
    return store
  }

  client(over: { socket?: boolean } = {}): MattermostClient {
    const tokenFile = join(this.#folder, 'admin-token')
    writeFileSync(tokenFile, this.standin.adminToken)
    const admin = over.socket === true ? { socket: join(this.#folder, 'local.sock') } : { tokenFile }
    const client = new MattermostClient({ url: this.standin.url, admin, clock: this.clock })
    this.#t.teardown(() => client.close())
    return client
  }

  driver(
    store: Store,
    client = this.client(),
    over: Partial<AccessTokenDriverOptions> = {},
  ): AccessTokenDriver {
    const { clock } = this
    const directory = new Directory({
      ...{ client, store, clock, cacheMs: directoryCacheMs },
      onDeactivated: (userId) => void driver.revokeFor(userId),
    })
    const driver = new AccessTokenDriver({
      ...{ client, store, clock, directoryCacheMs, instance: 'default' },
      reread: (userId) => directory.reread(userId),
      onEvent: (event) => this.events.push(event),
      onFault: (error) => this.faults.push(error),
      ...over,
    })
    this.#t.teardown(() => driver.close())
    return driver
  }

  user(name: string): MattermostUser {
    const { id, username, email, deleteAt } = this.standin.user(name)
    return { id, username, email, deleteAt, isBot: false }
  }

  /** What the stand-in says to this session. */
  async whoami(session: UpstreamSession): Promise<string> {
    const headers = { authorization: session.authorization() }
    const answer = await fetch(`${this.standin.url}/api/v4/users/me`, { headers })
    const { username } = (await answer.json()) as { username?: string }
    return username ?? String(answer.status)
  }

  requestsFor(path: string): number {
    return this.standin.requests.filter(({ target }) => target.split('?')[0] === path).length
  }
}

function session(found: unknown): UpstreamSession {
  if (found instanceof Refusal) throw new Error(`refused: ${found.code} ${found.detail ?? ''}`)
  if (typeof found !== 'object' || found === null) throw new Error(`no session: ${String(found)}`)
  return found as UpstreamSession
}

function code(found: unknown): string {
  return found instanceof Refusal ? found.code : 'no refusal'
}

/** A store whose process is killed at a step: from then on nothing of what it does comes to an end. */
function killedBefore(store: Store, isStep: (name: string, next: Uint8Array | null) => boolean): Store {
  let killed = false
  const forever = new Promise<never>(() => undefined)
  return {
    get: (name) => (killed ? forever : store.get(name)),
    put: (name, value, options) => (killed ? forever : store.put(name, value, options)),
    delete: (name) => (killed ? forever : store.delete(name)),
    compareAndSet: (name, expected, next, options) => {
      killed ||= isStep(name, next)
      return killed ? forever : store.compareAndSet(name, expected, next, options)
    },
    list: (prefix) => store.list(prefix),
    lease: (name, ttlMs) => (killed ? forever : store.lease(name, ttlMs)),
    sweep: () => store.sweep(),
    close: () => Promise.resolve(),
  }
}

/** A client that does not hear of the first token that it makes. */
function deafOnce(client: MattermostClient): AccessTokenDriverOptions['client'] {
  let deaf = true
  return {
    createToken: async (userId, description) => {
      const made = await client.createToken(userId, description)
      if (!deaf) return made
      deaf = false
      throw new UnansweredFault('creating a personal access token', 'cut off', true, undefined)
    },
    listTokens: (userId) => client.listTokens(userId),
    revokeToken: (tokenId) => client.revokeToken(tokenId),
    me: (token) => client.me(token),
  }
}

test('fifty first requests at once make one token, and later ones wait for nothing', async (t) => {
  const site = await Site.start(t)
  const driver = site.driver(await site.store())
  const alice = site.user('alice')
  const sessions = await Promise.all(Array.from({ length: 50 }, async () => driver.signIn(alice)))
  t.equal(new Set(sessions).size, 1)
  t.equal(site.standin.tokensOf('alice').length, 1)
  const warm = driver.signIn(alice)
  t.notOk(warm instanceof Promise)
  t.equal(warm, sessions[0])
  t.equal(await site.whoami(session(warm)), 'alice')
  const [token] = site.standin.tokensOf('alice')
  t.match(token?.description, /^mattergate default [0-9a-f]{32}$/)
  t.strictSame(site.events, [{ type: 'created', userId: alice.id, tokenId: token?.id }])
})

test('two processes on one store make one token together', async (t) => {
  const site = await Site.start(t)
  const store = await site.store()
  const drivers = Array.from({ length: 4 }, () => site.driver(store))
  const found = await Promise.all(drivers.map(async (driver) => driver.signIn(site.user('alice'))))
  t.equal(new Set(found.map((one) => session(one).authorization())).size, 1)
  t.equal(site.standin.tokensOf('alice').length, 1)
})

test('keeps the token over a restart, and shows it nowhere', async (t) => {
  const site = await Site.start(t)
  const store = await site.store()
  const before = session(await site.driver(store).signIn(site.user('alice')))
  const driver = site.driver(store)
  const after = session(await driver.signIn(site.user('alice')))
  t.equal(after.authorization(), before.authorization())
  t.equal(site.standin.tokensOf('alice').length, 1)
  const secret = site.standin.tokensOf('alice')[0]?.token ?? 'no token'
  t.ok(after.authorization().includes(secret))
  for (const value of [after, driver, site.events]) {
    t.notOk(inspect(value, { depth: 12, showHidden: true, getters: true }).includes(secret))
  }
  t.notOk(JSON.stringify(after).includes(secret))
})

test('a process killed between making and storing leaves an intent that the next start settles', async (t) => {
  const site = await Site.start(t)
  const store = await site.store()
  const alice = site.user('alice')
  const client = site.client()
  await client.createToken(alice.id, 'mattergate default 0123')
  await client.createToken(alice.id, 'alice’s own')
  const others = site.standin.tokensOf('alice').map(({ id }) => id)
  let isMade = () => undefined
  const made = new Promise<undefined>((resolve) => {
    isMade = () => {
      resolve(undefined)
      return undefined
    }
  })
  const killed = killedBefore(store, (_name, next) => {
    const stored = next !== null && Buffer.from(next).includes('"tokenId"')
    if (stored) isMade()
    return stored
  })
  const clientOfKilled = site.client()
  const drivenByKilled = new AccessTokenDriver({
    ...{ client: clientOfKilled, store: killed, clock: site.clock, directoryCacheMs, instance: 'default' },
    reread: () => Promise.reject(new Error('not asked')),
    onEvent: () => t.fail('nothing was stored'),
    onFault: () => undefined,
  })
  void drivenByKilled.signIn(alice)
  await made
  t.equal(site.standin.tokensOf('alice').length, 3)

  const next = site.driver(store)
  t.equal(await next.settle(), false, 'its lease lives: it may be at work')
  t.equal(site.standin.tokensOf('alice').length, 3)
  site.clock.time += 20_000
  await next.settle()
  t.strictSame(
    site.standin.tokensOf('alice').map(({ id }) => id),
    others,
    'nothing else is revoked',
  )
  t.equal(await next.settle(), false, 'a request without an answer may still make its token')
  site.clock.time += 60_000
  t.equal(await next.settle(), true)
  t.equal(await site.whoami(session(await next.signIn(alice))), 'alice')
  t.equal(site.standin.tokensOf('alice').length, 3)
})

test('start settles by itself', async (t) => {
  const site = await Site.start(t)
  const store = await site.store()
  const unheard = site.driver(store, site.client(), { client: deafOnce(site.client()) })
  t.equal(code(await unheard.signIn(site.user('alice'))), 'sign_in_unavailable')
  t.equal(site.standin.tokensOf('alice').length, 1)
  const revoked = new Promise<TokenEvent>((resolve) => {
    site.driver(store, site.client(), { onEvent: resolve }).start()
  })
  t.match(await revoked, { type: 'revoked', userId: site.user('alice').id })
  t.equal(site.standin.tokensOf('alice').length, 0)
})

test('a token whose making was not heard of is revoked once its user has another', async (t) => {
  const site = await Site.start(t)
  const driver = site.driver(await site.store(), site.client(), { client: deafOnce(site.client()) })
  const alice = site.user('alice')
  t.equal(code(await driver.signIn(alice)), 'sign_in_unavailable')
  const found = session(await driver.signIn(alice))
  t.equal(site.standin.tokensOf('alice').length, 2)
  site.clock.time += 60_000
  t.equal(await driver.settle(), true)
  t.equal(site.standin.tokensOf('alice').length, 1)
  t.equal(await site.whoami(found), 'alice')
})

test('two installations on one Mattermost leave each other’s tokens alone', async (t) => {
  const site = await Site.start(t)
  const one = site.driver(await site.store('one'), site.client(), { instance: 'one' })
  const two = site.driver(await site.store('two'), site.client(), { instance: 'one' })
  const alice = site.user('alice')
  const found = await Promise.all([one.signIn(alice), two.signIn(alice)])
  site.clock.time += 120_000
  await Promise.all([one.settle(), two.settle()])
  t.equal(site.standin.tokensOf('alice').length, 2)
  await one.revokeFor(alice.id)
  t.equal(site.standin.tokensOf('alice').length, 1)
  t.equal(await site.whoami(session(found[0])), '401')
  t.equal(await site.whoami(session(found[1])), 'alice')
})

test('a 401 that Mattermost itself does not confirm condemns nothing', async (t) => {
  const site = await Site.start(t)
  const driver = site.driver(await site.store())
  const found = session(await driver.signIn(site.user('alice')))
  t.equal(await found.condemn(), 'accepted')
  t.equal(driver.signIn(site.user('alice')), found)
  site.standin.setDown(true)
  t.equal(code(await found.condemn()), 'sign_in_unavailable')
  site.standin.setDown(false)
  t.equal(await site.whoami(found), 'alice')
  t.equal(site.standin.tokensOf('alice').length, 1)
})

test('a revoked token is replaced once a minute, whoever asks', async (t) => {
  const site = await Site.start(t)
  const driver = site.driver(await site.store())
  const alice = site.user('alice')
  const first = session(await driver.signIn(alice))
  const old = site.standin.tokensOf('alice')[0]?.id
  site.standin.revokeAllTokens('alice')
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => first.condemn()))
  const second = session(outcomes[0])
  t.ok(outcomes.every((outcome) => outcome === second))
  t.equal(await site.whoami(second), 'alice')
  t.equal(driver.signIn(alice), second)
  t.equal(await first.condemn(), second, 'who still holds the old one is handed the new one')
  t.match(site.events, [{ type: 'created', tokenId: old }, { type: 'replaced' }])

  site.standin.revokeAllTokens('alice')
  t.equal(code(await second.condemn()), 'sign_in_unavailable')
  t.equal(site.standin.tokensOf('alice').length, 0)
  site.clock.time += 60_000
  t.equal(await site.whoami(session(await second.condemn())), 'alice')
  t.equal(site.standin.tokensOf('alice').length, 1)
})

test('another process that replaced the token is followed', async (t) => {
  const site = await Site.start(t)
  const store = await site.store()
  const [one, other] = [site.driver(store), site.driver(store)]
  const alice = site.user('alice')
  const ofOne = session(await one.signIn(alice))
  const ofOther = session(await other.signIn(alice))
  site.standin.revokeAllTokens('alice')
  const replaced = session(await ofOne.condemn())
  t.equal(session(await ofOther.condemn()).authorization(), replaced.authorization())
  t.equal(site.standin.tokensOf('alice').length, 1)
})

test('a token that was only switched off is revoked when it is replaced', async (t) => {
  const site = await Site.start(t)
  const driver = site.driver(await site.store())
  const found = session(await driver.signIn(site.user('alice')))
  const old = site.standin.tokensOf('alice')[0]
  const disabled = await fetch(`${site.standin.url}/api/v4/users/tokens/disable`, {
    method: 'POST',
    headers: { authorization: `Bearer ${site.standin.adminToken}` },
    body: JSON.stringify({ token_id: old?.id }),
  })
  t.equal(disabled.status, 200)
  session(await found.condemn())
  t.equal(await driver.settle(), true)
  const left = site.standin.tokensOf('alice').map(({ id }) => id)
  t.equal(left.length, 1)
  t.not(left[0], old?.id)
  t.strictSame(
    site.events.map(({ type }) => type),
    ['created', 'replaced', 'revoked'],
  )
})

test('proves a token once within the cache time', async (t) => {
  const site = await Site.start(t)
  const store = await site.store()
  await site.driver(store).signIn(site.user('alice'))
  const found = session(await site.driver(store).signIn(site.user('alice')))
  const asked = () => site.requestsFor('/api/v4/users/me')
  const before = asked()
  t.equal(
    (await Promise.all([found.prove(), found.prove()])).every((one) => one === found),
    true,
  )
  t.equal(await found.prove(), found)
  t.equal(asked() - before, 1)
  site.standin.revokeAllTokens('alice')
  t.equal(await found.prove(), found, 'believed within the cache time')
  site.clock.time += directoryCacheMs
  const next = session(await found.prove())
  t.not(next, found)
  t.equal(await site.whoami(next), 'alice')
  t.equal(await found.prove(), next)
})

test('a deactivated user’s token is revoked, and does not live again with him', async (t) => {
  const site = await Site.start(t)
  const driver = site.driver(await site.store())
  const alice = site.user('alice')
  const found = session(await driver.signIn(alice))
  site.standin.deactivate('alice')
  t.equal(code(await found.condemn()), 'user_deactivated')
  t.equal(site.standin.tokensOf('alice').length, 0)
  t.equal(site.events.at(-1)?.type, 'revoked')
  site.standin.activate('alice')
  t.equal(await site.whoami(found), '401')
  t.equal(await site.whoami(session(await driver.signIn(alice))), 'alice')
})

test('a token that is being made while its user is deactivated goes as well', async (t) => {
  const site = await Site.start(t)
  const client = site.client()
  const driver = site.driver(await site.store(), client)
  const alice = site.user('alice')
  const held = site.standin.holdNext(`/api/v4/users/${alice.id}/tokens`)
  const signingIn = driver.signIn(alice)
  const revoking = driver.revokeFor(alice.id)
  await held.arrived
  site.standin.deactivate('alice')
  held.release()
  const found = session(await signingIn)
  await revoking
  t.equal(site.standin.tokensOf('alice').length, 0)
  t.equal(code(await found.condemn()), 'user_deactivated')
})

test('a token that cannot be revoked now is revoked when Mattermost is back', async (t) => {
  const site = await Site.start(t)
  const store = await site.store()
  const driver = site.driver(store)
  const alice = site.user('alice')
  await driver.signIn(alice)
  site.standin.setDown(true)
  await driver.revokeFor(alice.id)
  t.equal(site.faults.length, 1)
  site.standin.setDown(false)
  t.equal(site.standin.tokensOf('alice').length, 1)
  t.equal(await site.driver(store).settle(), true)
  t.equal(site.standin.tokensOf('alice').length, 0)
  await driver.revokeFor(site.user('bob').id)
  t.equal(site.faults.length, 1, 'nothing to end is nothing to fail')
})

test('names what to switch on where tokens are off, and leaves nothing behind', async (t) => {
  const site = await Site.start(t)
  const driver = site.driver(await site.store(), site.client({ socket: true }))
  site.standin.setUserAccessTokens(false)
  const refused = await driver.signIn(site.user('alice'))
  t.match(refused, { code: 'sign_in_unavailable', detail: /System Console > Integrations/ })
  t.equal(await driver.settle(), true)
  site.standin.setUserAccessTokens(true)
  t.equal(await site.whoami(session(await driver.signIn(site.user('alice')))), 'alice')
  site.standin.setDown(true)
  t.equal(code(await driver.signIn(site.user('bob'))), 'sign_in_unavailable')
})

test('the driver `none` signs nobody in', async (t) => {
  const driver = new NoSignIn()
  t.equal(driver.signIn(), null)
  await driver.close()
})
