import { test } from 'tap'
import type { ReadRequest, RequestFacts, RouteRule } from '../../src/intake/facts.js'
import { type Entrance, Intake } from '../../src/intake/intake.js'
import { nginxForm } from '../../src/intake/nginx-form.js'

const proxy: Extract<Entrance, { kind: 'proxy' }> = {
  kind: 'proxy',
  trustedPeers: ['127.0.0.1/32', '10.0.0.0/8', '::1/128'],
  unixSocketTrusted: false,
  secrets: [],
  form: nginxForm(16_384),
  certificateHeader: 'X-SSL-Client-Cert',
  subjectHeader: 'X-SSL-Client-Cert-Subject-DN',
  verifyHeader: null,
}

const routes: RouteRule[] = [
  { path: '/hooks/*', certificate: 'none', authorization: 'remove', websocket: false },
  { path: '/open', certificate: 'none', authorization: 'remove', websocket: true },
  { path: '/maybe/*', certificate: 'optional', authorization: 'remove', websocket: false },
  { path: '/maybe/never', certificate: 'none', authorization: 'remove', websocket: false },
]

function intake(entrance: Partial<Extract<Entrance, { kind: 'proxy' }>> = {}): Intake {
  return new Intake({
    entrance: { ...proxy, ...entrance },
    origins: ['https://chat.example.com', 'https://other.example.com'],
    routes,
  })
}

interface Sent {
  readonly method?: string
  readonly target?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly peer?: RequestFacts['peer']
  readonly certificate?: string | null
}

const someCertificate = 'any%20text'

function read(door: Intake, sent: Sent = {}): ReadRequest {
  const { certificate = someCertificate, headers = [] } = sent
  const own = certificate === null ? [] : ['X-SSL-Client-Cert', certificate]
  return door.read({
    method: sent.method ?? 'GET',
    target: sent.target ?? '/x',
    rawHeaders: ['Host', 'chat.example.com', ...own, ...headers.flat()],
    peer: sent.peer ?? { address: '127.0.0.1' },
  })
}

function code(request: ReadRequest): string {
  return request.refusal?.code ?? 'none'
}

test('who may connect: the trusted peers, in both spellings of an address, and nobody else', async (t) => {
  const cases: [peer: RequestFacts['peer'], code: string][] = [
    [{ address: '127.0.0.1' }, 'none'],
    [{ address: '::ffff:127.0.0.1' }, 'none'],
    [{ address: '::1' }, 'none'],
    [{ address: '10.200.3.4' }, 'none'],
    [{ address: '127.0.0.2' }, 'peer_untrusted'],
    [{ address: '192.0.2.1' }, 'peer_untrusted'],
    [{ address: '::2' }, 'peer_untrusted'],
    [{ address: '' }, 'peer_untrusted'],
    [{ address: 'localhost' }, 'peer_untrusted'],
    [{ socket: true }, 'peer_untrusted'],
  ]
  for (const [peer, expected] of cases)
    t.equal(code(read(intake(), { peer })), expected, JSON.stringify(peer))
  t.equal(
    code(read(intake({ unixSocketTrusted: true, trustedPeers: [] }), { peer: { socket: true } })),
    'none',
  )
})

test('an untrusted peer is refused on every path, also where no certificate is asked for', async (t) => {
  for (const target of ['/hooks/x', '/maybe/x', '/.mattergate/whoami', '/a/../b']) {
    const request = read(intake(), { target, peer: { address: '192.0.2.1' } })
    t.equal(code(request), 'peer_untrusted', target)
    t.equal(request.certificate, null)
    t.equal(request.clientIp, '192.0.2.1')
  }
})

test('with a proxy secret, whoever does not send it is not the proxy', async (t) => {
  const door = intake({ secrets: ['new', 'old'] })
  const secret = (...values: string[]) => ({
    headers: values.map((value) => ['X-Mattergate-Proxy-Secret', value] as const),
  })
  t.equal(code(read(door, secret('new'))), 'none')
  t.equal(code(read(door, secret('old'))), 'none')
  for (const wrong of [secret(), secret(''), secret('older'), secret('new', 'new'), secret('new, old')]) {
    t.equal(code(read(door, wrong)), 'peer_untrusted', JSON.stringify(wrong))
  }
  const twin = { headers: [['X_Mattergate_Proxy_Secret', 'new']] as const }
  t.equal(code(read(door, twin)), 'peer_untrusted')
})

test('exactly one Host, no tunnel, no echo', async (t) => {
  const door = intake()
  const second = read(door, { headers: [['host', 'evil.example']] })
  t.equal(code(second), 'request_ambiguous')
  const none = door.read({ method: 'GET', target: '/', rawHeaders: [], peer: { address: '127.0.0.1' } })
  t.equal(code(none), 'request_ambiguous')
  t.equal(code(read(door, { method: 'TRACE' })), 'method_refused')
  t.equal(code(read(door, { method: 'CONNECT', target: 'x:443' })), 'method_refused')
})

test('a certificate is read from the configured header in its own spelling, once', async (t) => {
  const door = intake()
  const key = (sent: Sent) => read(door, sent).certificate?.key
  t.equal(key({}), someCertificate)
  t.equal(key({ certificate: null, headers: [['x-ssl-client-CERT', 'c']] }), 'c')
  for (const name of [
    'X_SSL_Client_Cert',
    'X-SSL_Client-Cert',
    'Client-Cert',
    'X-Client-Cert',
    'X-SSL-Cert',
  ]) {
    const request = read(door, { certificate: null, headers: [[name, 'c']] })
    t.equal(request.certificate, null, name)
    t.equal(code(request), 'certificate_missing', name)
  }
  t.equal(code(read(door, { headers: [['x-ssl-client-cert', 'c']] })), 'certificate_duplicated')
  const subjects = [
    ['X-SSL-Client-Cert-Subject-DN', 'CN=a'],
    ['X-SSL-Client-Cert-Subject-DN', 'CN=b'],
  ] as const
  t.equal(code(read(door, { headers: subjects })), 'certificate_duplicated')
  t.equal(code(read(door, { certificate: '' })), 'certificate_missing')
})

test('the proxy’s own verdict: only SUCCESS lets a certificate pass', async (t) => {
  const door = intake({ verifyHeader: 'X-SSL-Client-Verify' })
  const verdict = (value: string, certificate: string | null = someCertificate): Sent => ({
    certificate,
    headers: [['X-SSL-Client-Verify', value]],
  })
  t.equal(code(read(door, verdict('SUCCESS'))), 'none')
  for (const value of ['NONE', '', 'success', 'FAILED:certificate has expired', 'SUCCESS, NONE']) {
    t.equal(code(read(door, verdict(value))), 'proxy_unverified', value)
  }
  t.equal(code(read(door)), 'proxy_unverified', 'absent')
  t.equal(code(read(door, verdict('NONE', null))), 'certificate_missing')
  t.equal(code(read(door, verdict('', null))), 'certificate_missing')
  t.equal(code(read(door, verdict('FAILED:x', null))), 'proxy_unverified')
  const open = { ...verdict('FAILED:x'), target: '/hooks/x' }
  t.equal(code(read(door, open)), 'none', 'not read where no certificate is asked for')
})

test('routes: the first match decides, on the decoded path', async (t) => {
  const door = intake()
  const without = (target: string) => code(read(door, { target, certificate: null }))
  t.equal(without('/x'), 'certificate_missing')
  t.equal(without('/hooks/abc'), 'none')
  t.equal(without('/hooks%2Fabc'), 'none')
  t.equal(without('/%68ooks/abc'), 'none')
  t.equal(without('/hooks'), 'certificate_missing')
  t.equal(without('/Hooks/abc'), 'certificate_missing')
  t.equal(without('/hooks/../x'), 'request_ambiguous')
  t.equal(without('/hooks/..;/x'), 'request_ambiguous')
  t.equal(without('/maybe/x'), 'none')
  t.equal(read(door, { target: '/maybe/x' }).certificate?.key, someCertificate)
  t.equal(read(door, { target: '/maybe/never' }).route.certificate, 'optional', 'the earlier line decides')
  t.equal(read(door, { target: '/hooks/x' }).certificate, null, 'a certificate is not looked at')
  t.equal(without('/.mattergate/whoami'), 'none')
})

test('headers that name another path change nothing', async (t) => {
  const headers = [
    ['X-Original-URL', '/hooks/x'],
    ['X-Rewrite-URL', '/hooks/x'],
    ['X-Forwarded-Uri', '/hooks/x'],
  ] as const
  t.equal(code(read(intake(), { certificate: null, headers })), 'certificate_missing')
})

test('upgrades: one protocol, by GET, and without a certificate only where the route says so', async (t) => {
  const door = intake()
  const upgrade = (protocol: string, sent: Sent = {}): Sent => ({
    ...sent,
    headers: [['Upgrade', protocol], ['Connection', 'keep-alive, Upgrade'], ...(sent.headers ?? [])],
  })
  t.equal(code(read(door, upgrade('websocket'))), 'none')
  t.equal(code(read(door, upgrade('WebSocket'))), 'none')
  t.equal(code(read(door, upgrade('h2c'))), 'upgrade_refused')
  t.equal(code(read(door, upgrade('websocket, h2c'))), 'upgrade_refused')
  t.equal(code(read(door, upgrade('websocket', { headers: [['upgrade', 'h2c']] }))), 'upgrade_refused')
  t.equal(code(read(door, upgrade('websocket', { method: 'POST' }))), 'upgrade_refused')
  t.equal(code(read(door, upgrade('websocket', { target: '/hooks/x' }))), 'upgrade_refused')
  t.equal(code(read(door, upgrade('websocket', { target: '/open' }))), 'none')
  const unnamed = read(door, { headers: [['Upgrade', 'websocket']] })
  t.equal(unnamed.upgrade, null, 'without Connection it is an ordinary request')
})

test('cross-site: the credential goes only where a Lax cookie would', async (t) => {
  type Case = [method: string, origin: string | null, site: string | null, rest: string[], code: string]
  const cases: Case[] = [
    ['GET', null, null, [], 'none'],
    ['POST', null, null, [], 'none'],
    ['POST', 'https://chat.example.com', 'same-origin', [], 'none'],
    ['POST', 'https://other.example.com', 'cross-site', [], 'none'],
    ['POST', 'https://evil.example', null, [], 'cross_site'],
    ['POST', 'http://chat.example.com', null, [], 'cross_site'],
    ['POST', 'https://chat.example.com:8443', null, [], 'cross_site'],
    ['POST', 'https://chat.example.com.evil.example', null, [], 'cross_site'],
    ['POST', '', null, [], 'cross_site'],
    ['POST', 'null', null, [], 'cross_site'],
    ['POST', 'null', 'cross-site', [], 'cross_site'],
    ['POST', 'null', 'same-origin', [], 'none'],
    ['DELETE', 'https://evil.example', 'same-origin', [], 'cross_site'],
    ['GET', 'https://evil.example', null, [], 'none'],
    ['GET', 'https://evil.example', 'cross-site', [], 'cross_site'],
    ['GET', null, 'none', [], 'none'],
    ['GET', null, 'same-origin', [], 'none'],
    ['GET', null, 'cross-site', ['navigate', 'document'], 'none'],
    ['GET', null, 'same-site', ['navigate', 'document'], 'none'],
    ['GET', null, 'cross-site', ['navigate', 'iframe'], 'cross_site'],
    ['GET', null, 'cross-site', ['no-cors', 'image'], 'cross_site'],
    ['GET', null, 'same-site', ['cors', 'empty'], 'cross_site'],
    ['HEAD', null, 'cross-site', ['navigate', 'document'], 'cross_site'],
    ['POST', null, 'cross-site', ['navigate', 'document'], 'cross_site'],
    ['GET', null, 'unheard-of', ['navigate', 'image'], 'cross_site'],
  ]
  for (const [method, origin, site, [mode, dest], expected] of cases) {
    const headers: [string, string][] = []
    if (origin !== null) headers.push(['Origin', origin])
    if (site !== null) headers.push(['Sec-Fetch-Site', site])
    if (mode !== undefined) headers.push(['Sec-Fetch-Mode', mode])
    if (dest !== undefined) headers.push(['Sec-Fetch-Dest', dest])
    t.equal(code(read(intake(), { method, headers })), expected, `${method} ${JSON.stringify(headers)}`)
  }
})

test('two Origin headers pass only when both are known', async (t) => {
  const origins = (...values: string[]): Sent => ({
    method: 'POST',
    headers: values.map((value) => ['Origin', value] as const),
  })
  t.equal(code(read(intake(), origins('https://chat.example.com', 'https://evil.example'))), 'cross_site')
})

test('a websocket is judged by its Origin alone', async (t) => {
  const upgrade = (origin: string | null, site: string): Sent => ({
    headers: [
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-Fetch-Site', site],
      ...(origin === null ? [] : [['Origin', origin] as const]),
    ],
  })
  t.equal(code(read(intake(), upgrade('https://chat.example.com', 'cross-site'))), 'none')
  t.equal(code(read(intake(), upgrade(null, 'cross-site'))), 'none')
  for (const origin of ['https://evil.example', 'null', '']) {
    t.equal(code(read(intake(), upgrade(origin, 'same-origin'))), 'cross_site', origin)
  }
})

test('where nothing is injected, nothing of this is checked', async (t) => {
  const headers = [['Origin', 'https://evil.example']] as const
  const post = (target: string, certificate: string | null) =>
    code(read(intake(), { method: 'POST', target, certificate, headers }))
  t.equal(post('/hooks/x', someCertificate), 'none')
  t.equal(post('/maybe/x', null), 'none')
  t.equal(post('/maybe/x', someCertificate), 'cross_site')
})

test('the earliest cause is named', async (t) => {
  const everything: Sent = {
    method: 'POST',
    target: '/a/../b',
    certificate: null,
    headers: [['Origin', 'https://evil.example']],
  }
  t.equal(code(read(intake(), { ...everything, peer: { address: '192.0.2.1' } })), 'peer_untrusted')
  t.equal(code(read(intake(), everything)), 'request_ambiguous')
  t.equal(code(read(intake(), { ...everything, target: '/a' })), 'cross_site')
  t.equal(code(read(intake(), { ...everything, target: '/a', headers: [] })), 'certificate_missing')
})

test('the client is the rightmost address that is not a trusted peer', async (t) => {
  const cases: [lines: string[], expected: string][] = [
    [[], '127.0.0.1'],
    [['203.0.113.9'], '203.0.113.9'],
    [['198.51.100.1, 203.0.113.9'], '203.0.113.9'],
    [['203.0.113.9, 10.1.2.3'], '203.0.113.9'],
    [['198.51.100.1', '203.0.113.9, 10.1.2.3'], '203.0.113.9'],
    [['203.0.113.9:4711'], '203.0.113.9'],
    [['[2001:db8::1]:4711'], '2001:db8::1'],
    [['2001:db8::1'], '2001:db8::1'],
    [['::ffff:203.0.113.9'], '203.0.113.9'],
    [['203.0.113.9, unknown, 10.1.2.3'], '10.1.2.3'],
    [['10.1.2.3'], '10.1.2.3'],
    [['203.0.113.9,, '], '203.0.113.9'],
  ]
  for (const [lines, expected] of cases) {
    const headers = lines.map((line) => ['X-Forwarded-For', line] as const)
    t.equal(read(intake(), { headers }).clientIp, expected, lines.join(' | '))
  }
  const socket = intake({ unixSocketTrusted: true, trustedPeers: [] })
  t.equal(read(socket, { peer: { socket: true } }).clientIp, null)
  const forwarded = read(socket, { peer: { socket: true }, headers: [['X-Forwarded-For', '203.0.113.9']] })
  t.equal(forwarded.clientIp, '203.0.113.9')
  t.equal(forwarded.peer, 'unix')
})

test('a navigation is what the browser calls one, or asks for HTML', async (t) => {
  const navigation = (method: string, ...headers: [string, string][]) =>
    read(intake(), { method, headers }).navigation
  t.ok(navigation('GET', ['Sec-Fetch-Mode', 'navigate']))
  t.ok(navigation('POST', ['Sec-Fetch-Mode', 'navigate']))
  t.notOk(navigation('GET', ['Sec-Fetch-Mode', 'cors'], ['Accept', 'text/html']))
  t.ok(navigation('GET', ['Accept', 'text/html,application/xhtml+xml']))
  t.ok(navigation('HEAD', ['Accept', 'Text/HTML']))
  t.notOk(navigation('POST', ['Accept', 'text/html']))
  t.notOk(navigation('GET', ['Accept', '*/*']))
  t.notOk(navigation('GET'))
})

test('with TLS of our own nobody speaks for the client', async (t) => {
  const door = new Intake({
    entrance: { kind: 'tls' },
    origins: ['https://chat.example.com'],
    routes: [],
  })
  const facts: RequestFacts = {
    method: 'GET',
    target: '/x',
    rawHeaders: [
      ...['Host', 'x', 'X-SSL-Client-Cert', someCertificate, 'X-SSL-Client-Cert-Subject-DN', 'CN=admin'],
      ...['X-Forwarded-For', '203.0.113.9', 'Client-Cert', ':AAAA:'],
    ],
    peer: { address: '192.0.2.1' },
  }
  const without = door.read(facts)
  t.equal(code(without), 'certificate_missing')
  t.equal(without.clientIp, '192.0.2.1')
  const der = Uint8Array.of(1, 2, 3)
  const withOne = door.read({ ...facts, clientCertificate: der })
  t.equal(code(withOne), 'none')
  t.strictSame(withOne.certificate?.decode(), { leaf: der, chain: [] })
  t.equal(withOne.certificate?.subject, null)
  t.equal(door.read({ ...facts, clientCertificate: der }).certificate?.key, withOne.certificate?.key)
})

test('two thousand headers hide nothing', async (t) => {
  const padding = Array.from({ length: 5_000 }, (_, at) => [`X-Pad-${at}`, ''] as const)
  t.equal(
    code(read(intake(), { headers: [...padding, ['X-SSL-Client-Cert', 'c']] })),
    'certificate_duplicated',
  )
})
