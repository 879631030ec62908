import { test } from 'tap'
import { startRunning } from '../support/running-gateway.js'

const navigation = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document', Accept: 'text/html' }

test('a certificate signs its user in, and Mattermost sees that user', async (t) => {
  const running = await startRunning(t)
  const answer = await running.send()
  t.equal(answer.status, 200)
  t.equal((JSON.parse(answer.text) as { username: string }).username, 'mmuser')
  const [token] = running.standin.tokensOf('mmuser')
  t.match(token?.description, /^mattergate default \S+$/)
  const seen = running.standin.requests.filter(({ target }) => target === '/api/v4/users/me').at(-1)
  const headers = Object.fromEntries(pairs(seen?.rawHeaders ?? []))
  t.equal(headers.authorization, `Bearer ${token?.token}`)
  t.equal(headers['x-forwarded-proto'], 'https')
  t.equal(headers['x-forwarded-host'], 'chat.example.com')
  t.notOk('x-ssl-client-cert' in headers)
  t.notOk('x-forwarded-for' in headers, 'over a unix socket without it the client is unknown')
})

test('fifty first requests at once make one token and one sign-in', async (t) => {
  const running = await startRunning(t)
  const answers = await Promise.all(Array.from({ length: 50 }, () => running.send()))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(running.standin.tokensOf('mmuser').length, 1)
  const events = (await running.audit()).map(({ event }) => event)
  t.equal(events.filter((event) => event === 'sign_in').length, 1)
  t.equal(events.filter((event) => event === 'request').length, 50)
})

test('token and session outlive a restart', async (t) => {
  const running = await startRunning(t)
  await running.send()
  const before = running.standin.tokensOf('mmuser')
  await running.restart()
  t.equal((await running.send()).status, 200)
  t.strictSame(running.standin.tokensOf('mmuser'), before)
  const events = (await running.audit()).map(({ event }) => event)
  t.strictSame(events, ['start', 'token', 'sign_in', 'request', 'stop', 'start', 'request'])
})

test('the first page sets MMUSERID and the gateway’s own cookie, and is stored by nobody', async (t) => {
  const running = await startRunning(t)
  const first = await running.send({ path: '/', headers: navigation })
  const userId = running.standin.user('mmuser').id
  t.equal(first.status, 200)
  t.equal(first.headers['cache-control'], 'private, no-store')
  const cookies = first.headers['set-cookie'] ?? []
  t.equal(cookies.length, 2)
  t.equal(cookies[0], `MMUSERID=${userId}; Path=/; SameSite=Lax; Secure`)
  t.match(cookies[1], /^__Host-mattergate=\S+; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
  const cookie = cookies.map((line) => line.split(';')[0]).join('; ')
  const second = await running.send({ path: '/', headers: { ...navigation, Cookie: cookie } })
  t.notOk('set-cookie' in second.headers)
  t.match(second.headers['cache-control'], /private/)
  t.notMatch(second.headers['cache-control'], /public/)
  const script = await running.send({ path: '/static/main.0123456789.js' })
  t.match(script.headers['cache-control'], /public/)
})

test('the session cookie of alice with the certificate of mmuser is mmuser', async (t) => {
  const running = await startRunning(t)
  const alice = await running.user({ commonName: 'alice', email: 'alice@mattermost.com' })
  const page = await running.send({ path: '/', headers: navigation, certificate: alice })
  const stolen = (page.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ')
  const answer = await running.send({ headers: { Cookie: stolen } })
  t.equal((JSON.parse(answer.text) as { username: string }).username, 'mmuser')
  const own = await running.send({ path: '/', headers: { ...navigation, Cookie: stolen } })
  t.match(own.headers['set-cookie']?.[0], `MMUSERID=${running.standin.user('mmuser').id}`)
})

test('the client’s own credentials do not reach Mattermost, everything else does byte for byte', async (t) => {
  const running = await startRunning(t)
  await running.send({
    path: '/plugins/echo/x?a=%20b&access_token=evil&c=d&access%5Ftoken=evil',
    headers: {
      Authorization: 'Bearer evil',
      Cookie: 'a="x y"; MMAUTHTOKEN=evil; b=c; MMAUTHTOKEN="evil"; mattergate=own; __Host-mattergate=own',
      X_SSL_Client_Cert: 'evil',
      'Client-Cert': ':ZXZpbA==:',
      'X-Remote-User': 'evil',
      'X-Mattergate-Proxy-Secret': 'evil',
    },
  })
  const seen = running.standin.requests.find(({ target }) => target.startsWith('/plugins/echo'))
  t.equal(seen?.target, '/plugins/echo/x?a=%20b&c=d')
  t.notMatch(JSON.stringify(seen?.rawHeaders), /evil/)
  const cookie = pairs(seen?.rawHeaders ?? []).find(([name]) => name === 'cookie')?.[1]
  t.equal(cookie, 'a="x y"; b=c; mattergate=own', 'over https the own cookie has the __Host- name alone')
})

test('where nothing is injected the Authorization of a web hook passes, and no certificate is asked for', async (t) => {
  const running = await startRunning(t)
  const headers = { Authorization: 'Token its-own', Cookie: 'MMAUTHTOKEN=evil; a=b' }
  const answer = await running.send({
    method: 'POST',
    path: '/hooks/abc',
    certificate: null,
    headers,
    body: '{}',
  })
  t.equal(answer.status, 200)
  const seen = running.standin.requests.find(({ target }) => target === '/hooks/abc')
  const sent = Object.fromEntries(pairs(seen?.rawHeaders ?? []))
  t.equal(sent.authorization, 'Token its-own')
  t.equal(sent.cookie, 'a=b')
})

test('nothing is injected under /static/', async (t) => {
  const running = await startRunning(t)
  await running.send({ path: '/static/main.0123456789.js', headers: { Authorization: 'Bearer evil' } })
  const seen = running.standin.requests.find(({ target }) => target.startsWith('/static/'))
  t.notOk(pairs(seen?.rawHeaders ?? []).some(([name]) => name === 'authorization'))
})

test('a route with authorization: pass leaves a bot its own token', async (t) => {
  const yaml = { routes: '[{ path: /api/v4/*, certificate: required, authorization: pass }]' }
  const running = await startRunning(t, { yaml })
  const token = running.standin.openSession('alice').token
  const answer = await running.send({ headers: { Authorization: `Bearer ${token}` } })
  t.equal((JSON.parse(answer.text) as { username: string }).username, 'alice')
  const browser = await running.send()
  t.equal(
    (JSON.parse(browser.text) as { username: string }).username,
    'mmuser',
    'without one the user is injected',
  )
})

test('credentials in Mattermost’s answers do not reach the client, other cookies do, in order', async (t) => {
  const running = await startRunning(t)
  running.standin.answerNext('/api/v4/x', {
    status: 200,
    headers: {
      'Set-Cookie': [
        'first=1; Path=/',
        'MMAUTHTOKEN=secret; Path=/; HttpOnly',
        'MMUSERID=secret',
        'MMCSRF=secret',
        'second=2',
      ],
      Token: 'secret',
      'Cache-Control': 'public, max-age=5',
    },
    body: Buffer.from('{}'),
  })
  const answer = await running.send({ path: '/api/v4/x' })
  t.strictSame(answer.headers['set-cookie'], ['first=1; Path=/', 'second=2'])
  t.notOk('token' in answer.headers)
  t.equal(answer.headers['cache-control'], 'private, max-age=5')
})

test('the ways around the gateway are closed, in every spelling and on every route', async (t) => {
  const yaml = { routes: '[{ path: "/*", certificate: none }]' }
  const running = await startRunning(t, { yaml })
  const closed: [method: string, path: string][] = [
    ['POST', '/api/v4/users/login'],
    ['POST', '/api/v4/users/login/'],
    ['POST', '/api/v4/users%2Flogin'],
    ['POST', '/%61pi/v4/users/login'],
    ['POST', '/api/v4/users/login/switch'],
    ['POST', '/api/v4/users/login/desktop_token'],
    ['POST', '/api/v4/users/login/sso/code-exchange'],
    ['POST', '/api/v4/users'],
    ['POST', '/api/v4/users/'],
    ['POST', '/api/v4/users/me/tokens'],
    ['POST', '/api/v4/users/tokens/enable'],
    ['POST', '/api/v4/users/password/reset'],
    ['POST', '/api/v4/users/password/reset/send'],
    ['PUT', '/api/v4/users/me/password'],
    ['PUT', '/api/v4/users/me/auth'],
    ['PUT', '/api/v4/users/me/mfa'],
    ['POST', '/api/v4/users/me/mfa/generate'],
    ['GET', '/oauth/gitlab/login'],
    ['GET', '/oauth%2Fgitlab/login'],
    ['GET', '/oauth/google/mobile_login'],
    ['GET', '/oauth/intune'],
    ['GET', '/signup/gitlab/complete'],
    ['GET', '/login/gitlab/complete'],
    ['GET', '/login/sso/saml'],
  ]
  for (const [method, path] of closed) {
    const answer = await running.send({ method, path, certificate: null })
    t.equal(answer.status, 403, `${method} ${path}`)
    t.match(answer.text, /not_allowed/, `${method} ${path}`)
  }
  t.equal(
    running.standin.requests.filter(({ target }) => closed.some(([, path]) => path === target)).length,
    0,
  )
  await running.send({ path: '/api/v4/users', certificate: null })
  t.ok(
    running.standin.requests.some(({ target }) => target === '/api/v4/users'),
    'GET of the same path is Mattermost’s to answer',
  )
})

test('a log-out is answered by the gateway with Mattermost’s own words', async (t) => {
  const running = await startRunning(t)
  await running.send()
  const answer = await running.send({ method: 'POST', path: '/api/v4/users/logout' })
  t.equal(answer.status, 200)
  t.equal(answer.text, '{"status":"OK"}')
  t.match(answer.headers['set-cookie']?.[0], /^MMUSERID=; .*Max-Age=0/)
  t.notOk(running.standin.requests.some(({ target }) => target.endsWith('/logout')))
})

test('a token that Mattermost no longer takes is replaced once: reads are repeated, writes wait', async (t) => {
  const running = await startRunning(t)
  await running.send()
  running.standin.revokeAllTokens('mmuser')
  const body = JSON.stringify({ channel_id: running.standin.channelId, message: 'x' })
  const write = await running.send({ method: 'POST', path: '/api/v4/posts', body })
  t.equal(write.status, 503)
  t.match(write.text, /mattergate\.sign_in_unavailable/)
  t.ok(Number(write.headers['retry-after']) >= 1)
  t.equal((await running.send({ method: 'POST', path: '/api/v4/posts', body })).status, 201)
  running.standin.revokeAllTokens('mmuser')
  const again = await running.send()
  t.equal(again.status, 503, 'one new token per user and minute')
})

test('a read with a dead token is repeated with the new one', async (t) => {
  const running = await startRunning(t)
  await running.send()
  running.standin.revokeAllTokens('mmuser')
  const answer = await running.send()
  t.equal(answer.status, 200)
  t.equal((JSON.parse(answer.text) as { username: string }).username, 'mmuser')
})

test('a 401 of a plugin for reasons of its own passes unchanged', async (t) => {
  const running = await startRunning(t)
  await running.send()
  const before = running.standin.tokensOf('mmuser')
  running.standin.answerNext('/plugins/echo/x', { status: 401, headers: {}, body: Buffer.from('mine') })
  const answer = await running.send({ path: '/plugins/echo/x' })
  t.equal(answer.status, 401)
  t.equal(answer.text, 'mine')
  t.strictSame(running.standin.tokensOf('mmuser'), before)
})

test('with signIn: none the certificate is required and Mattermost’s own sign-in goes on', async (t) => {
  const yaml = { mattermost: '{ url: "MATTERMOST", signIn: none }' }
  const running = await startRunning(t, { yaml })
  t.equal((await running.send({ certificate: null })).status, 401)
  const login = await running.send({
    method: 'POST',
    path: '/api/v4/users/login',
    headers: { 'X-Requested-With': 'XMLHttpRequest', 'Content-Type': 'application/json' },
    body: JSON.stringify({ login_id: 'mmuser', password: 'Standin-1-mmuser' }),
  })
  t.equal(login.status, 200)
  t.ok('token' in login.headers)
  const cookie = (login.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ')
  const me = await running.send({ headers: { Cookie: cookie } })
  t.equal(me.status, 200)
})

function pairs(rawHeaders: readonly string[]): [string, string][] {
  const found: [string, string][] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    found.push([(rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? ''])
  }
  return found
}
