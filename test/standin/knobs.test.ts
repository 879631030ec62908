import { test } from 'tap'
import { startStandin } from '../../src/demo/standin/standin.js'

test('looks users up for its administrator and signs them in by token', async (t) => {
  const standin = await startStandin()
  t.teardown(() => standin.close())
  const authorization = `Bearer ${standin.adminToken}`
  const found = await fetch(`${standin.url}/api/v4/users/email/ALICE@example.com`, {
    headers: { authorization },
  })
  t.equal(found.status, 200)
  t.match(await found.json(), { username: 'alice', delete_at: 0 })
  const made = await fetch(`${standin.url}/api/v4/users/${standin.user('alice').id}/tokens`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ description: 'x' }),
  })
  t.equal(made.status, 200)
  const { token } = (await made.json()) as { token: string }
  const me = await fetch(`${standin.url}/api/v4/users/me`, { headers: { authorization: `Bearer ${token}` } })
  t.match(await me.json(), { username: 'alice' })
  t.equal(standin.requests.length, 3)
})
