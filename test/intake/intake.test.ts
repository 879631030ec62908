import { createServer } from 'node:http'
import { connect } from 'node:net'
import { test } from 'tap'
import type { ProxyForm } from '../../src/config/config.js'
import { certificateForm } from '../../src/intake/certificate-forms.js'
import { TrustedPeers } from '../../src/intake/client-address.js'
import type { ReadRequest, RequestFacts, RouteRule } from '../../src/intake/facts.js'
import { isIdentityHeader } from '../../src/intake/identity-headers.js'
import { type Entrance, Intake } from '../../src/intake/intake.js'
import { nginxForm } from '../../src/intake/nginx-form.js'

const proxy: Extract<Entrance, { kind: 'proxy' }> = {
  kind: 'proxy',
  trustedPeers: ['127.0.0.1/32', '10.0.0.0/8', '::1/128'],
  unixSocketTrusted: false,
  secrets: [],
  form: nginxForm(16_384),
  certificateHeader: 'X-SSL-Client-Cert',
  chainHeader: null,
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

test('who may connect: the trusted peers, in both spellings of an address, and nobody else', (t) => {
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
  t.end()
})

test('an untrusted peer is refused on every path, also where no certificate is asked for', (t) => {
  for (const target of ['/hooks/x', '/maybe/x', '/.mattergate/whoami', '/a/../b']) {
    const request = read(intake(), { target, peer: { address: '192.0.2.1' } })
    t.equal(code(request), 'peer_untrusted', target)
    t.equal(request.certificate, null)
    t.equal(request.clientIp, '192.0.2.1')
  }
  t.end()
})

test('with a second header for the chain, both make the key, and a chain alone is malformed', (t) => {
  const door = intake({
    form: certificateForm('rfc9440', 16_384),
    certificateHeader: 'Client-Cert',
    chainHeader: 'Client-Cert-Chain',
  })
  const presented = (...headers: [string, string][]) => read(door, { certificate: null, headers })
  const key = (...headers: [string, string][]) => presented(...headers).certificate?.key
  const leaf: [string, string] = ['Client-Cert', ':AA==:']
  const keys = [
    key(leaf),
    key(leaf, ['Client-Cert-Chain', ':AQ==:']),
    key(leaf, ['client-cert-chain', ':AQ==:'], ['Client-Cert-Chain', ':Ag==:']),
    key(leaf, ['Client-Cert-Chain', ':Ag==:'], ['Client-Cert-Chain', ':AQ==:']),
    key(['Client-Cert', ':AA==:\t:AQ==:']),
  ]
  t.equal(new Set(keys).size, keys.length)
  t.equal(key(leaf, ['Client-Cert-Chain', '']), key(leaf), 'an empty line is none')
  t.equal(code(presented(['Client-Cert-Chain', ':AQ==:'])), 'certificate_malformed')
  t.equal(code(presented(leaf, leaf)), 'certificate_duplicated')
  const twin = presented(leaf, ['Client_Cert_Chain', ':AQ==:'])
  t.equal(twin.certificate?.key, ':AA==:', 'a twin of the name is not read')
  t.end()
})

test('what a proxy writes where there is no certificate is none, and its verdict is in its own words', (t) => {
  const verify = 'X-SSL-Client-Verify'
  const doorOf = (form: ProxyForm) =>
    intake({
      form: certificateForm(form, 16_384),
      verifyHeader: verify,
      chainHeader: 'X-SSL-Client-Cert-Chain',
    })
  const answer = (form: ProxyForm, certificate: string, verdict: string, chain = '') => {
    const headers = [
      [verify, verdict],
      ['X-SSL-Client-Cert-Chain', chain],
    ] as const
    return code(read(doorOf(form), { certificate, headers }))
  }
  const none = 'certificate_missing'
  t.equal(answer('haproxy', '', '0'), none)
  t.equal(answer('haproxy', '""', '0', '""'), none)
  t.equal(answer('apache', '(null)', 'NONE', '(null)'), none)
  t.equal(answer('cloudflare', '', 'false'), none)
  t.equal(answer('apache', 'x', 'SUCCESS'), 'none')
  t.equal(answer('azure', 'x', 'SUCCESS'), 'none')
  t.equal(answer('haproxy', 'x', '0'), 'none')
  t.equal(answer('cloudflare', 'x', 'true'), 'none')
  for (const [form, verdict] of [
    ['haproxy', '10'],
    ['haproxy', 'SUCCESS'],
    ['cloudflare', 'false'],
    ['apache', 'GENEROUS'],
    ['azure', 'FAILED:certificate has expired'],
    ['nginx', '0'],
  ] as const) {
    t.equal(answer(form, 'x', verdict), 'proxy_unverified', `${form} ${verdict}`)
  }
  t.equal(answer('haproxy', '', '10'), 'proxy_unverified', 'a verdict of a certificate that did not come')
  t.end()
})

test('with a proxy secret, whoever does not send it is not the proxy', (t) => {
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
  t.end()
})

test('exactly one Host, no tunnel, no echo', (t) => {
  const door = intake()
  const second = read(door, { headers: [['host', 'evil.example']] })
  t.equal(code(second), 'request_ambiguous')
  const none = door.read({ method: 'GET', target: '/', rawHeaders: [], peer: { address: '127.0.0.1' } })
  t.equal(code(none), 'request_ambiguous')
  t.equal(code(read(door, { method: 'TRACE' })), 'method_refused')
  t.equal(code(read(door, { method: 'CONNECT', target: 'x:443' })), 'method_refused')
  t.end()
})

test('a certificate is read from the configured header in its own spelling, once', (t) => {
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
  t.end()
})

test('the proxy’s own verdict: only SUCCESS lets a certificate pass', (t) => {
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
  t.end()
})

test('routes: the first match decides, on the decoded path', (t) => {
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
  t.end()
})

test('headers that name another path change nothing', (t) => {
  const headers = [
    ['X-Original-URL', '/hooks/x'],
    ['X-Rewrite-URL', '/hooks/x'],
    ['X-Forwarded-Uri', '/hooks/x'],
  ] as const
  t.equal(code(read(intake(), { certificate: null, headers })), 'certificate_missing')
  t.end()
})

test('upgrades: one protocol, by GET, and without a certificate only where the route says so', (t) => {
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
  t.equal(code(read(door, upgrade('websocket', { target: '/maybe/x' }))), 'none')
  const anonymous = upgrade('websocket', { target: '/maybe/x', certificate: null })
  t.equal(code(read(door, anonymous)), 'upgrade_refused', 'optional without a certificate is as none')
  t.equal(code(read(door, upgrade('\u00a0websocket'))), 'upgrade_refused')
  const unnamed = read(door, { headers: [['Upgrade', 'websocket']] })
  t.equal(unnamed.upgrade, null, 'without Connection it is an ordinary request')
  t.end()
})

/** What Node makes of a request with these lines, and its headers as they came. */
async function askNode(lines: string): Promise<{ upgraded: boolean; rawHeaders: readonly string[] }> {
  const server = createServer()
  const asked = new Promise<{ upgraded: boolean; rawHeaders: readonly string[] }>((resolve, reject) => {
    server.on('request', ({ rawHeaders }) => resolve({ upgraded: false, rawHeaders }))
    server.on('upgrade', ({ rawHeaders }) => resolve({ upgraded: true, rawHeaders }))
    server.on('clientError', reject)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const client = connect(address.port, '127.0.0.1')
  client.write(`GET /x HTTP/1.1\r\nHost: chat.example.com\r\n${lines}\r\n\r\n`, 'latin1')
  try {
    return await asked
  } finally {
    client.destroy()
    server.closeAllConnections()
    server.close()
  }
}

test('an upgrade is what Node takes for one', async (t) => {
  const door = intake()
  const heads = [
    'Connection: upgrade\r\nUpgrade: h2c',
    'Proxy-Connection: upgrade\r\nUpgrade: h2c',
    'Connection: close\r\nProxy-Connection: x, Upgrade\r\nUpgrade: h2c',
    'Proxy_Connection: upgrade\r\nUpgrade: h2c',
    'Connection: close\r\nConnection: upgrade\r\nUpgrade: h2c',
    'Connection: x,, \t upgrade ,close\r\nUpgrade: h2c',
    'Connection: upgrade\t,close\r\nUpgrade: h2c',
    'Connection: \u00a0upgrade\r\nUpgrade: h2c',
    'Connection: keep-alive upgrade\r\nUpgrade: h2c',
    'Connection: upgrades\r\nUpgrade: h2c',
    'Connection: upgrade\r\nUpgrade: ',
    'Connection: upgrade\r\nUpgrade: \r\nUpgrade: h2c',
    'Connection: keep-alive\r\nUpgrade: h2c',
    'Connection: upgrade',
  ]
  let upgrades = 0
  for (const lines of heads) {
    const { upgraded, rawHeaders } = await askNode(lines)
    const request = door.read({ method: 'GET', target: '/x', rawHeaders, peer: { address: '127.0.0.1' } })
    t.equal(request.upgrade !== null, upgraded, lines)
    if (upgraded) t.equal(code(request), 'upgrade_refused', lines)
    upgrades += upgraded ? 1 : 0
  }
  t.ok(upgrades > 0 && upgrades < heads.length)
})

test('cross-site: the credential goes only where a Lax cookie would', (t) => {
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
  t.end()
})

test('two Origin headers pass only when both are known', (t) => {
  const origins = (...values: string[]): Sent => ({
    method: 'POST',
    headers: values.map((value) => ['Origin', value] as const),
  })
  t.equal(code(read(intake(), origins('https://chat.example.com', 'https://evil.example'))), 'cross_site')
  t.end()
})

test('a websocket is judged by its Origin alone', (t) => {
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
  t.end()
})

test('where nothing is injected, nothing of this is checked', (t) => {
  const headers = [['Origin', 'https://evil.example']] as const
  const post = (target: string, certificate: string | null) =>
    code(read(intake(), { method: 'POST', target, certificate, headers }))
  t.equal(post('/hooks/x', someCertificate), 'none')
  t.equal(post('/maybe/x', null), 'none')
  t.equal(post('/maybe/x', someCertificate), 'cross_site')
  t.end()
})

test("the gateway's own pages may be asked for from anywhere; what acts there may not", (t) => {
  const foreign = (method: string, target: string) =>
    code(read(intake(), { method, target, headers: [['Sec-Fetch-Site', 'cross-site']] }))
  t.equal(foreign('GET', '/.mattergate/whoami'), 'none')
  t.equal(foreign('HEAD', '/.mattergate/refused'), 'none')
  t.equal(foreign('POST', '/.mattergate/sign-in'), 'cross_site')
  t.equal(foreign('GET', '/.mattergate'), 'cross_site')
  const everywhere: RouteRule = { path: '*', certificate: 'none', authorization: 'pass', websocket: true }
  const open = new Intake({ entrance: proxy, origins: [], routes: [everywhere] })
  t.equal(read(open, { target: '/.mattergate/whoami' }).route.certificate, 'optional')
  t.end()
})

test('the earliest cause is named', (t) => {
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
  t.end()
})

test('the client is the rightmost address that is not a trusted peer', (t) => {
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
  t.end()
})

test('a navigation is what the browser calls one, or asks for HTML', (t) => {
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
  t.end()
})

test('with TLS of our own nobody speaks for the client', (t) => {
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
      ...['X-Mattergate-Proxy-Refusal', '496 NONE', 'X-Mattergate-Proxy-Secret', 'x'],
    ],
    peer: { address: '192.0.2.1' },
  }
  const without = door.read(facts)
  t.equal(code(without), 'certificate_missing')
  t.equal(without.clientIp, '192.0.2.1')
  t.equal(without.headers.proxyRefusal, null)
  const der = Uint8Array.of(1, 2, 3)
  const withOne = door.read({ ...facts, clientCertificate: der })
  t.equal(code(withOne), 'none')
  t.strictSame(withOne.certificate?.decode(), { leaf: der, chain: [] })
  t.equal(withOne.certificate?.subject, null)
  t.equal(door.read({ ...facts, clientCertificate: der }).certificate?.key, withOne.certificate?.key)
  t.end()
})

test('a range that is none is an error, never everybody', (t) => {
  for (const range of [
    '127.0.0.1/',
    '127.0.0.1/x',
    '127.0.0.1/-1',
    '127.0.0.1/33',
    '::1/129',
    '',
    '/0',
    '10.0.0.0/8/8',
  ]) {
    t.throws(() => new TrustedPeers([range]), RangeError, range)
  }
  t.notOk(new TrustedPeers([]).includes('127.0.0.1'))
  t.end()
})

test('what any proxy says about a client is known by its name, in both spellings, and nothing else is', (t) => {
  const said = [
    'Client-Cert',
    'Client-Cert-Chain',
    'X-SSL-Client-Cert',
    'X_SSL_Client_Cert',
    'X-SSL-Client-S-DN',
    'SSL_CLIENT_S_DN',
    'X-Forwarded-Tls-Client-Cert',
    'X-Forwarded-Tls-Client-Cert-Info',
    'X-Forwarded-Client-Cert',
    'X-Amzn-Mtls-Clientcert',
    'X-Amzn-Mtls-Clientcert-Leaf',
    'Cf-Client-Cert-Der-Base64',
    'X-Client-Cert',
    'X-Client-Cert-Chain',
    'X-ARR-ClientCert',
    'X-Mattergate-Proxy-Secret',
    'X-Mattergate-Anything',
    'X-Forwarded-User',
    'X-Remote-User',
    'Remote_User',
    'X-Auth-Request-Email',
    'Mattermost-User-Id',
    'Mattermost-Plugin-ID',
  ]
  const fold = (name: string) => name.toLowerCase().replaceAll('_', '-')
  for (const name of said) t.ok(isIdentityHeader(fold(name)), name)
  const others = [
    'Host',
    'Cookie',
    'Authorization',
    'Origin',
    'Accept',
    'User-Agent',
    'X-Requested-With',
    'X-CSRF-Token',
  ]
  for (const name of others) t.notOk(isIdentityHeader(fold(name)), name)
  t.end()
})

test('two thousand headers hide nothing', (t) => {
  const padding = Array.from({ length: 5_000 }, (_, at) => [`X-Pad-${at}`, ''] as const)
  t.equal(
    code(read(intake(), { headers: [...padding, ['X-SSL-Client-Cert', 'c']] })),
    'certificate_duplicated',
  )
  t.end()
})
