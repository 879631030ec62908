import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type Test, test } from 'tap'
import { type Standin, type StandinOptions, startStandin } from '../../src/demo/standin/standin.js'
import { MattermostClient, type MattermostClientOptions } from '../../src/mattermost/client.js'

const nobody = 'xxxxxxxxxxxxxxxxxxxxxxxxxx'

function movableClock() {
  const clock = { time: Date.UTC(2026, 10, 25), now: () => clock.time }
  return clock
}

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'mattergate-client-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

interface Started {
  readonly standin: Standin
  readonly client: MattermostClient
  readonly clock: ReturnType<typeof movableClock>
}

async function started(
  t: Test,
  options: StandinOptions = {},
  over: Partial<MattermostClientOptions> = {},
): Promise<Started> {
  const standin = await startStandin(options)
  t.teardown(() => standin.close())
  const tokenFile = join(folder(t), 'admin-token')
  writeFileSync(tokenFile, `${standin.adminToken}\n`)
  const clock = movableClock()
  const client = new MattermostClient({ url: standin.url, admin: { tokenFile }, clock, ...over })
  t.teardown(() => client.close())
  return { standin, client, clock }
}

test('finds users by e-mail, username and id, and says when there is none', async (t) => {
  for (const generation of ['5.36', '11'] as const) {
    const { standin, client } = await started(t, { generation })
    const alice = standin.user('alice')
    const found = { id: alice.id, username: 'alice', email: 'alice@example.com', deleteAt: 0, isBot: false }
    t.strictSame(await client.userByEmail('ALICE@example.com'), found)
    t.strictSame(await client.userByUsername('alice'), found)
    t.strictSame(await client.userById(alice.id), found)
    t.ok(((await client.userByUsername('carol'))?.deleteAt ?? 0) > 0)
    t.equal((await client.userByEmail('robot@localhost'))?.isBot, true)
    for (const email of ['nobody@example.com', 'a+b@example.com', 'not-an-address', '%2f@x']) {
      t.equal(await client.userByEmail(email), null, email)
    }
    t.equal(await client.userByUsername('nobody'), null)
    t.equal(await client.userById(nobody), null)
  }
})

test('sends a value as one part of the path, whatever is in it', async (t) => {
  const { standin, client } = await started(t)
  standin.requests.length = 0
  await client.userByEmail('a/../me?x=#@example.com').catch(() => null)
  t.equal(standin.requests[0]?.target, '/api/v4/users/email/a%2F..%2Fme%3Fx%3D%23%40example.com')
})

test('makes, lists, proves and revokes tokens', async (t) => {
  const { standin, client } = await started(t)
  const { id } = standin.user('alice')
  const made = await client.createToken(id, 'mattergate default 1')
  t.strictSame(
    standin.tokensOf('alice').map(({ id, token, description }) => ({ id, token, description })),
    [{ ...made, description: 'mattergate default 1' }],
  )
  t.equal(await client.me(made.token), 'accepted')
  for (let number = 0; number < 230; number++) await client.createToken(id, `other ${number}`)
  const listed = await client.listTokens(id)
  t.equal(new Set(listed.map((token) => token.id)).size, 231, 'over several pages')
  t.equal(await client.revokeToken(made.id), true)
  t.equal(await client.revokeToken(made.id), false)
  t.equal(await client.me(made.token), 'refused')
})

test('needs no token on the socket of the local mode, where it never proves one', async (t) => {
  const localSocket = join(folder(t), 'local.sock')
  const { standin, client } = await started(t, { localSocket }, { admin: { socket: localSocket } })
  const alice = await client.userByUsername('alice')
  const made = await client.createToken(alice?.id ?? '', 'mattergate default 1')
  t.equal(await client.me(made.token), 'accepted')
  t.equal(await client.me('k1ajcs4wn3ya8gdt5obtfcy9hw'), 'refused')
  standin.setUserAccessTokens(false)
  const disabled: unknown = await client.createToken(alice?.id ?? '', 'x').catch((error: unknown) => error)
  t.match(disabled, { status: 501, id: 'app.user_access_token.disabled' })
  standin.setUserAccessTokens(true)
  const asked = standin.requests.map(({ target, local }) => [target, local])
  t.strictSame(asked.at(-2), ['/api/v4/users/me', false])
  t.equal(standin.requests.filter(({ local }) => local).length, 3)
})

test('reads the SiteURL, and whether the server is there', async (t) => {
  for (const generation of ['5.36', '11'] as const) {
    const { client } = await started(t, { generation, siteUrl: 'https://chat.example.com' })
    const { siteUrl, userAccessTokens } = await client.clientConfig()
    t.strictSame(
      { siteUrl, userAccessTokens },
      { siteUrl: 'https://chat.example.com', userAccessTokens: true },
    )
    await client.ping()
  }
})

test('tells a bad credential, a redirect and rubbish from each other', async (t) => {
  const { standin, client } = await started(t)
  const { id } = standin.user('alice')
  const path = `/api/v4/users/${id}`
  const good = JSON.stringify({ id, username: 'alice', email: 'a@x', delete_at: 0 })
  const answers = [
    [{ status: 401, body: '{"id":"api.context.session_expired.app_error"}' }, 'ERR_MATTERMOST_CREDENTIAL'],
    [{ status: 403, body: '{"id":"api.context.permissions.app_error"}' }, 'ERR_MATTERMOST_CREDENTIAL'],
    [{ status: 301, headers: { location: '/api/v4/users/me' }, body: '' }, 'ERR_MATTERMOST_ANSWER'],
    [{ status: 500, body: '{"id":"app.x"}' }, 'ERR_MATTERMOST_ANSWER'],
    [{ status: 404, body: '{"id":"api.context.404.app_error"}' }, 'ERR_MATTERMOST_ANSWER'],
    [{ status: 404, body: 'not found' }, 'ERR_MATTERMOST_ANSWER'],
    [{ status: 200, body: '<html>' }, 'ERR_MATTERMOST_ANSWER'],
    [{ status: 200, body: JSON.stringify({ id, username: 'alice', email: 'a@x' }) }, 'ERR_MATTERMOST_ANSWER'],
    [{ status: 200, body: `${good}${' '.repeat(1_100_000)}` }, 'ERR_MATTERMOST_ANSWER'],
    [{ status: 503, body: '' }, 'ERR_MATTERMOST_UNREACHABLE'],
  ] as const
  for (const [answer, code] of answers) {
    standin.answerNext(path, { headers: {}, ...answer })
    await t.rejects(client.userById(id), { code }, String(answer.status))
  }
  standin.answerNext(path, 'destroy')
  await t.rejects(client.userById(id), { code: 'ERR_MATTERMOST_UNREACHABLE', sent: true })
  standin.answerNext('/api/v4/users/me', { status: 401, headers: {}, body: 'who are you' })
  await t.rejects(client.me('k1ajcs4wn3ya8gdt5obtfcy9hw'), { code: 'ERR_MATTERMOST_ANSWER' })
  t.equal((await client.userById(id))?.username, 'alice', 'and goes on')
})

test('gives up on a server that does not answer in time, and on one that is not there', async (t) => {
  const { standin, client } = await started(t, {}, { timeoutMs: 50, tokenTimeoutMs: 100 })
  const { id } = standin.user('alice')
  const held = standin.holdNext(`/api/v4/users/${id}/tokens`)
  await t.rejects(client.createToken(id, 'x'), { code: 'ERR_MATTERMOST_UNREACHABLE', sent: true })
  held.release()
  await standin.close()
  await t.rejects(client.userById(id), { code: 'ERR_MATTERMOST_UNREACHABLE', sent: false })
})

test('leaves a server alone for as long as its rate limit asks', async (t) => {
  const { standin, client, clock } = await started(t)
  const path = '/api/v4/users/username/alice'
  standin.answerNext(path, { status: 429, headers: { 'retry-after': '2' }, body: 'limit exceeded\n' })
  standin.requests.length = 0
  await t.rejects(client.userByUsername('alice'), { code: 'ERR_MATTERMOST_UNREACHABLE', status: 429 })
  clock.time += 1_999
  await t.rejects(client.userByUsername('alice'), { code: 'ERR_MATTERMOST_UNREACHABLE', status: 429 })
  t.equal(standin.requests.length, 1)
  clock.time += 1
  t.equal((await client.userByUsername('alice'))?.username, 'alice')
})

test('names the file of a token that cannot be used, and never shows one', async (t) => {
  const tokenFile = join(folder(t), 'admin-token')
  const create = () =>
    new MattermostClient({ url: 'http://127.0.0.1:9', admin: { tokenFile }, clock: movableClock() })
  const named = { code: 'ERR_MATTERMOST_CREDENTIAL', message: tokenFile }
  t.match(thrown(create), named)
  for (const content of ['', ' \n', 'secretone\nsecrettwo', 'secret\u0000x']) {
    writeFileSync(tokenFile, content)
    t.match(thrown(create), named)
    t.notMatch(inspect(thrown(create)), 'secret')
  }
  writeFileSync(tokenFile, 'k1ajcs4wn3ya8gdt5obtfcy9hw')
  const client = create()
  t.teardown(() => client.close())
  t.notMatch(inspect(client, { depth: 9, showHidden: true }), 'k1ajcs4wn3ya8gdt5obtfcy9hw')
  const fault: unknown = await client.userById(nobody).catch((error: unknown) => error)
  t.notMatch(inspect(fault, { depth: 9 }), 'k1ajcs4wn3ya8gdt5obtfcy9hw')
})

function thrown(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    return error
  }
}
