import { test } from 'tap'
import { makeCa, makeUser } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'
import { escaped, type Received, startRunning } from '../support/running-gateway.js'

function code({ text }: Received): string {
  return (
    /"id":"mattergate\.(\w+)"/.exec(text)?.[1] ??
    /<code>(\w+)<\/code>/.exec(text)?.[1] ??
    /\((\w+), request /.exec(text)?.[1] ??
    'none'
  )
}

test('each bad certificate has its own answer, and its own line in the audit', async (t) => {
  const running = await startRunning(t)
  const dayMs = 86_400_000
  const past = { notBefore: new Date(Date.now() - 3 * dayMs), notAfter: new Date(Date.now() - dayMs) }
  const future = { notBefore: new Date(Date.now() + dayMs), notAfter: new Date(Date.now() + 3 * dayMs) }
  const other = await makeCa('Test CA')
  const cases = {
    certificate_expired: await running.user(past),
    certificate_not_yet_valid: await running.user(future),
    chain_untrusted: await makeUser(other),
    key_too_weak: await running.user({ key: { kind: 'rsa', bits: 1024 } }),
    algorithm_refused: await running.user({ signature: { hash: 'sha1' } }),
    identity_absent: await running.user({ commonName: 'No Name', email: null }),
    user_unknown: await running.user({ commonName: 'nobody', email: 'nobody@mattermost.com' }),
    user_deactivated: await running.user({ commonName: 'carol', email: 'carol@mattermost.com' }),
    user_is_bot: await running.user({ commonName: 'robot', email: null }),
  }
  for (const [expected, certificate] of Object.entries(cases)) {
    const answer = await running.send({ certificate })
    t.equal(code(answer), expected)
    t.equal(answer.status, 403, expected)
    const event = (await running.audit()).at(-1)
    t.match(event, { event: 'refuse', decision: 'refuse', reason: expected, method: 'GET', peer: 'unix' })
  }
  t.equal(running.standin.requests.filter(({ target }) => target === '/api/v4/users/me').length, 0)
})

test('a refusal speaks to whoever asks: an app, a person, a script', async (t) => {
  const running = await startRunning(t)
  const nobody = { certificate: null }
  const api = await running.send(nobody)
  t.equal(api.status, 401)
  t.match(api.headers['content-type'], 'application/json')
  t.equal((JSON.parse(api.text) as { id: string }).id, 'mattergate.certificate_missing')
  const page = await running.send({ ...nobody, path: '/', headers: { Accept: 'text/html' } })
  t.match(page.headers['content-type'], 'text/html')
  t.equal(code(page), 'certificate_missing')
  const line = await running.send({ ...nobody, path: '/x' })
  t.match(line.headers['content-type'], 'text/plain')
  t.equal(code(line), 'certificate_missing')
})

test('the subject DN beside the certificate is compared with it and never believed', async (t) => {
  const running = await startRunning(t)
  const subject = (text: string) => ({ headers: { 'X-SSL-Client-Cert-Subject-DN': text } })
  const good = 'emailAddress=mmuser@mattermost.com,CN=mmuser,OU=Smarttotem,O=Mattermost,C=US'
  const legacy = '/C=US/O=Mattermost/OU=Smarttotem/CN=mmuser/emailAddress=mmuser@mattermost.com'
  for (const text of [good, legacy, '']) t.equal((await running.send(subject(text))).status, 200, text)
  for (const text of ['CN=admin', good.replace('mmuser@', 'admin@'), `${good},O=x`, '/CN=mmuser', 'x']) {
    t.equal(code(await running.send(subject(text))), 'subject_mismatch', text)
  }
  t.equal((await running.send(subject(good))).status, 200, 'and a good one passes again')
})

test('malformed, doubled and multi-line certificates are 400', async (t) => {
  const running = await startRunning(t)
  const pem = escaped(running.mmuser)
  const header = (value: string | string[]) => ({
    certificate: null,
    headers: { 'X-SSL-Client-Cert': value },
  })
  t.equal(code(await running.send(header(`${pem}%0A${pem}`))), 'certificate_malformed')
  t.equal(code(await running.send(header(pem.replace('MII', 'NII')))), 'certificate_malformed')
  t.equal(code(await running.send(header([pem, pem]))), 'certificate_duplicated')
  const spaces = await running.send(header(running.mmuser.pem.trim().replaceAll('\n', ' ')))
  t.equal(code(spaces), 'certificate_malformed')
  t.match(spaces.text, /ssl_client_escaped_cert/)
})

test('a certificate that expires while its verdict is cached is refused from that moment on', async (t) => {
  let now = Date.now()
  const running = await startRunning(t, { clock: { now: () => now } })
  const certificate = await running.user({ notAfter: new Date(Math.floor(now / 1000) * 1000 + 20_000) })
  t.equal((await running.send({ certificate })).status, 200)
  now = certificate.notAfter.getTime()
  t.equal(
    (await running.send({ certificate })).status,
    200,
    'notAfter itself is still in (RFC 5280 §4.1.2.5)',
  )
  now += 1
  t.equal(code(await running.send({ certificate })), 'certificate_expired')
})

test('who is deactivated is refused within the directory’s cache time', async (t) => {
  let now = Date.now()
  const running = await startRunning(t, { clock: { now: () => now } })
  t.equal((await running.send()).status, 200)
  running.standin.deactivate('mmuser')
  now += 61_000
  t.equal(code(await running.send()), 'user_deactivated')
  const active = () => running.standin.tokensOf('mmuser').filter(({ is_active }) => is_active).length
  const left = await eventually(active, (count) => count === 0)
  t.equal(left, 0, 'and the token is revoked: it would live again with the account')
})

test('the account is kept by its id: a renamed user stays, another with the old name is not taken for him', async (t) => {
  let now = Date.now()
  const yaml = {
    trust: '[{ name: staff, ca: ca.crt, identity: [{ from: subject.cn, match: username }] }]',
  }
  const running = await startRunning(t, { yaml, clock: { now: () => now } })
  t.equal((await running.send()).status, 200)
  running.standin.rename('mmuser', 'renamed')
  now += 61_000
  t.match((await running.send()).text, /"username":"renamed"/)
  running.standin.addUser({ username: 'mmuser', email: 'second@mattermost.com' })
  now += 61_000
  t.equal(code(await running.send()), 'identity_ambiguous')
})

test('own addresses: whoami tells, refused never forwards, the rest is not there', async (t) => {
  const running = await startRunning(t)
  const json = await running.send({ path: '/.mattergate/whoami' })
  t.equal(json.status, 200)
  t.match(JSON.parse(json.text), {
    decision: 'allow',
    certificate: { trust: 'staff', serial: String },
    identity: { rule: 'san.email', value: 'mmuser@mattermost.com' },
    user: { username: 'mmuser' },
  })
  t.notMatch(json.text, running.standin.tokensOf('mmuser')[0]?.token ?? 'no token')
  const none = await running.send({ path: '/.mattergate/whoami', certificate: null })
  t.equal(none.status, 401)
  t.match(JSON.parse(none.text), { decision: 'refuse', reason: 'certificate_missing' })
  const reasons = {
    '496 NONE': 'certificate_missing',
    '495 FAILED:certificate has expired': 'certificate_expired',
    '495 FAILED:certificate revoked': 'certificate_revoked',
    '495 FAILED:unable to get local issuer certificate': 'chain_untrusted',
    '495 FAILED:self-signed certificate': 'chain_untrusted',
    '495 FAILED:EE certificate key too weak': 'key_too_weak',
    '495 FAILED:something else': 'proxy_unverified',
  }
  for (const [reason, expected] of Object.entries(reasons)) {
    const headers = { 'X-Mattergate-Proxy-Refusal': reason, Accept: 'text/html' }
    const refused = await running.send({ path: '/.mattergate/refused', certificate: null, headers })
    t.equal(code(refused), expected, reason)
  }
  t.equal(code(await running.send({ path: '/.mattergate/other' })), 'not_found')
  t.equal(code(await running.send({ path: '/.mattergate%2Fother' })), 'not_found')
  t.notOk(running.standin.requests.some(({ target }) => target.includes('mattergate')))
})

test('what Mattermost cannot be asked is a fault of the moment, and passes', async (t) => {
  const running = await startRunning(t)
  running.standin.setDown(true)
  const lookup = await running.send()
  t.equal(code(lookup), 'mattermost_unavailable')
  t.equal(lookup.status, 503)
  running.standin.setDown(false)
  t.equal((await running.send()).status, 200)
  running.standin.setDown(true)
  const forward = await running.send()
  t.equal(code(forward), 'upstream_unreachable')
  t.equal(forward.status, 502)
  running.standin.setDown(false)
  t.equal((await running.send()).status, 200)
})
