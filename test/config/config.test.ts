import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'
import Schema from 'typebox/schema'
import { parse } from 'yaml'
import { describeKeys } from '../../src/config/describe-keys.js'
import { loadConfig, resolveConfig } from '../../src/config/load.js'
import { jsonSchema } from '../../src/config/schema.js'
import { ConfigError, type ConfigIssue } from '../../src/core/config-error.js'

const example = readFileSync(resolve(import.meta.dirname, '../../config.example.yaml'), 'utf8')

const certificate = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'

/** A folder with the files that a sound configuration names. */
function place(t: Test): string {
  const folder = t.testdir({
    'ca.crt': certificate,
    'admin-token': 'tokentokentoken\n',
    secret: 'first-secret-of-the-proxy\n',
    key: `${'ab'.repeat(32)}\n`,
    log: {},
  })
  for (const secret of ['admin-token', 'secret', 'key']) chmodSync(join(folder, secret), 0o640)
  return folder
}

function sound(): Record<string, unknown> {
  return {
    public: { url: 'https://chat.example.com' },
    trust: [{ name: 'staff', ca: 'ca.crt' }],
    mattermost: { admin: { tokenFile: 'admin-token' } },
    audit: { file: 'log/audit.jsonl' },
  }
}

/** The issues of a sound object with some groups replaced. */
async function issuesOf(folder: string, changes: Record<string, unknown>): Promise<string[]> {
  const resolved = resolveConfig({ ...sound(), ...changes }, { baseDirectory: folder })
  return (await rejection(resolved)).map(({ message }) => message)
}

async function rejection(work: Promise<unknown>): Promise<readonly ConfigIssue[]> {
  try {
    await work
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    throw error
  }
  return []
}

/** Whether exactly one issue was found, and at this key. */
function oneAt(t: Test, messages: readonly string[], key: string): void {
  t.equal(messages.length, 1, `${key}: one issue, found ${messages.join(' | ')}`)
  t.ok(messages[0]?.startsWith(`${key}: `), `the issue stands at ${key}: ${messages[0] ?? 'none'}`)
}

test('fills in defaults and reads durations, sizes, modes, origins and ranges', async (t) => {
  const folder = place(t)
  const config = await resolveConfig(
    {
      ...sound(),
      public: { url: 'HTTPS://Chat.Example.com:443/', origins: ['https://App.example.com:8443'] },
      proxy: { trusted: ['10.0.0.0/8', '::1'] },
      limits: { bodyBytes: '2MiB' },
      timeouts: { header: '250ms', drain: '1m' },
      listen: { socket: 'run/http.sock', mode: '0600' },
    },
    { baseDirectory: folder },
  )
  t.match(config.listen, { kind: 'socket', path: join(folder, 'run/http.sock'), mode: 0o600, tls: null })
  t.same(config.public, { url: 'https://chat.example.com', origins: ['https://app.example.com:8443'] })
  t.same(config.proxy.trusted, ['10.0.0.0/8', '::1/128'])
  t.equal(config.limits.bodyBytes, 2 * 1_048_576)
  t.equal(config.limits.headerBytes, 65_536)
  t.equal(config.timeouts.headerMs, 250)
  t.equal(config.timeouts.drainMs, 60_000)
  t.equal(config.sessions.idleMs, 43_200_000)
  t.match(config.mattermost, {
    url: 'http://127.0.0.1:8065',
    signIn: 'access-token',
    directoryCacheMs: 60_000,
  })
  t.same(config.mattermost?.admin, { tokenFile: join(folder, 'admin-token') })
  t.same(
    config.trust[0]?.identity.map(({ from, match }) => `${from} ${match}`),
    ['san.email email', 'subject.email email', 'subject.cn username'],
  )
  t.same(config.routes, [])
  t.equal(config.file, null)
  t.same(config.warnings, [])
})

test('gives the same defaults again and again, deeply frozen', async (t) => {
  const folder = place(t)
  const first = await resolveConfig(sound(), { baseDirectory: folder })
  const second = await resolveConfig(sound(), { baseDirectory: folder })
  t.same(first, second)
  t.throws(() => Object.assign(first.limits, { connections: 1 }), TypeError)
  t.throws(() => Object.assign(first.trust, { 0: null }), TypeError)
})

test('listens on host and port, and accepts an application without Mattermost', async (t) => {
  const config = await resolveConfig(
    {
      ...sound(),
      listen: { host: '127.0.0.1', port: 0 },
      proxy: { trusted: ['10.1.1.1/32'] },
      mattermost: null,
    },
    { baseDirectory: place(t) },
  )
  t.match(config.listen, { kind: 'tcp', host: '127.0.0.1', port: 0 })
  t.equal(config.mattermost, null)
})

test('compiles patterns anchored at both ends', async (t) => {
  const trust = [
    {
      name: 'cac',
      ca: 'ca.crt',
      identity: [{ from: 'subject.cn', match: 'username', pattern: '.*\\.(\\d{10})|x(?:y)' }],
    },
  ]
  const config = await resolveConfig({ ...sound(), trust }, { baseDirectory: place(t) })
  const pattern = config.trust[0]?.identity[0]?.pattern
  t.equal(pattern?.exec('DOE.JOHN.A.1234567890')?.[1], '1234567890')
  t.equal(pattern?.exec('DOE.JOHN.A.1234567890 '), null)
  t.equal(pattern?.exec('axy'), null)
})

test('finds every mistake at once, each at its line and column', async (t) => {
  const folder = place(t)
  const file = join(folder, 'config.yaml')
  writeFileSync(
    file,
    [
      'public:', // 1
      '  url: https://chat.example.com/team', // 2
      '  origns: []', // 3
      'proxy: { trusted: [0.0.0.0/0, 10.0.0.0/33] }', // 4
      'trust:', // 5
      '  - ca: missing.crt', // 6
      '    identity:', // 7
      '      - { from: subject.mail, match: email, pattern: "(a)(b)" }', // 8
      'mattermost:', // 9
      '  signIn: oauth', // 10
      '  directoryCache: 60', // 11
      'routes: [{ path: hooks/* }]', // 12
      'audit: { file: nowhere/audit.jsonl }', // 13
      'log: {}', // 14
      'log: { level: loud }', // 15
    ].join('\n'),
  )
  const issues = await rejection(loadConfig(file))
  t.same(
    issues.map(({ line, column, message }) => `${line}:${column} ${message.split(': ')[0] ?? ''}`),
    [
      '2:8 public.url',
      '3:3 public.origns',
      '4:20 proxy.trusted[0]',
      '4:31 proxy.trusted[1]',
      '6:5 trust[0].name',
      '6:9 trust[0].ca',
      '8:17 trust[0].identity[0].from',
      '8:54 trust[0].identity[0].pattern',
      '10:11 mattermost.signIn',
      '11:19 mattermost.directoryCache',
      '12:18 routes[0].path',
      '13:16 audit.file',
      '15:1 this key stands here twice',
      '15:15 log.level',
    ],
  )
  t.ok(issues.every((issue) => issue.file === file))
  t.match(issues[1]?.message, /did you mean origins\?/)
  t.match(issues[6]?.message, /did you mean subject\.email\?/)
})

test('says where a text is no YAML, is empty, or is not there', async (t) => {
  const folder = place(t)
  const file = join(folder, 'config.yaml')
  const found = async (content: string | Uint8Array) => {
    writeFileSync(file, content)
    return (await rejection(loadConfig(file))).map(({ line, column }) => `${line}:${column}`)
  }
  t.same(await found('public:\n  url: "open\n'), ['3:1'])
  t.same((await found('public: [\n')).length > 0, true)
  t.same(await found(''), ['1:1'])
  t.same(await found('- a\n'), ['1:1'])
  t.same(await found(new Uint8Array([0x70, 0x3a, 0x20, 0xff])), ['1:1'])
  const [absent] = await rejection(loadConfig(join(folder, 'absent.yaml')))
  t.match(absent, { file: join(folder, 'absent.yaml'), line: 1, column: 1 })
})

test('puts what is missing at the key of its group', async (t) => {
  const folder = place(t)
  const file = join(folder, 'config.yaml')
  writeFileSync(
    file,
    'trust: [{ name: a, ca: ca.crt }]\nmattermost: { signIn: none }\naudit: { file: log/a }\npublic: {}\n',
  )
  const issues = await rejection(loadConfig(file))
  t.match(issues, [{ line: 4, column: 1, message: /^public\.url: / }])
  t.equal(issues.length, 1)
})

const refused: readonly (readonly [key: string, changes: Record<string, unknown>])[] = [
  ['listen.mode', { listen: { mode: '0999' } }],
  ['listen.mode', { listen: { mode: 660 } }],
  ['listen.socket', { listen: { socket: `/${'x'.repeat(120)}` } }],
  [
    'listen.socket',
    { listen: { socket: '/a', host: '127.0.0.1', port: 1 }, proxy: { trusted: ['10.0.0.1'] } },
  ],
  ['listen.port', { listen: { host: '127.0.0.1' }, proxy: { trusted: ['10.0.0.1'] } }],
  ['listen.host', { listen: { port: 8066 }, proxy: { trusted: ['10.0.0.1'] } }],
  ['listen.host', { listen: { host: '127.0.0.1:80', port: 80 }, proxy: { trusted: ['10.0.0.1'] } }],
  ['listen.port', { listen: { host: '127.0.0.1', port: 70_000 }, proxy: { trusted: ['10.0.0.1'] } }],
  ['proxy.trusted', { listen: { host: '127.0.0.1', port: 8066 } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['0.0.0.0/0'] } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['0.0.0.0/1', '10.0.0.0/8', 'fc00::/7'] } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['::ffff:128.0.0.0/97'] } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['2000::/3'] } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['::/0'] } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['::/0'] } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['::ffff:0:0/96'] } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['10.0.0.0/08'] } }],
  ['proxy.trusted[0]', { proxy: { trusted: ['localhost'] } }],
  ['proxy.certificateHeader', { proxy: { certificateHeader: 'X_SSL_Client_Cert' } }],
  ['proxy.certificateHeader', { proxy: { certificateHeader: 'Cookie' } }],
  ['proxy.verifyHeader', { proxy: { verifyHeader: 'x-ssl-client-cert' } }],
  ['proxy.secretFile', { proxy: { secretFile: 'absent' } }],
  ['proxy.certificate', { proxy: { certificate: 'enovy' } }],
  ['proxy.certificateHeader', { proxy: { certificateHeader: 'Sec-Fetch-Site' } }],
  ['proxy.certificateHeader', { proxy: { certificateHeader: null } }],
  // The second header of the form counts as well.
  ['proxy.subjectHeader', { proxy: { certificate: 'rfc9440', subjectHeader: 'Client-Cert-Chain' } }],
  ['proxy.verifyHeader', { proxy: { certificate: 'envoy', verifyHeader: 'x-forwarded-client-cert' } }],
  ['listen.multilineHeader', { listen: { multilineHeader: true }, proxy: { certificate: 'apache' } }],
  ['public.url', { public: { url: 'https://user:word@chat.example.com' } }],
  ['public.url', { public: { url: 'https://chat.example.com/?a' } }],
  ['public.url', { public: { url: 'https://*.example.com' } }],
  ['public.url', { public: { url: 'chat.example.com' } }],
  ['public.url', { public: { url: 'https:chat.example.com' } }],
  ['public.origins[0]', { public: { url: 'https://chat.example.com', origins: ['ftp://a'] } }],
  ['trust', { trust: [] }],
  [
    'trust[1].name',
    {
      trust: [
        { name: 'a', ca: 'ca.crt' },
        { name: 'a', ca: 'ca.crt' },
      ],
    },
  ],
  ['trust[0].ca', { trust: [{ name: 'a', ca: 'admin-token' }] }],
  ['trust[0].intermediates', { trust: [{ name: 'a', ca: 'ca.crt', intermediates: 'log' }] }],
  ['trust[0].allow[0]', { trust: [{ name: 'a', ca: 'ca.crt', allow: [{}] }] }],
  [
    'trust[0].allow[0].subject.xx',
    { trust: [{ name: 'a', ca: 'ca.crt', allow: [{ 'subject.xx': ['y'] }] }] },
  ],
  ['trust[0].allow[0].subject.ou', { trust: [{ name: 'a', ca: 'ca.crt', allow: [{ 'subject.ou': [] }] }] }],
  ['trust[0].require.minRsaBits', { trust: [{ name: 'a', ca: 'ca.crt', require: { minRsaBits: 512 } }] }],
  ['mattermost', { mattermost: undefined }],
  ['mattermost.url', { mattermost: { url: 'http://127.0.0.1:8065/sub', signIn: 'none' } }],
  ['mattermost.admin', { mattermost: {} }],
  ['mattermost.admin', { mattermost: { admin: { tokenFile: 'admin-token', socket: '/a' } } }],
  ['mattermost.admin', { mattermost: { admin: {} } }],
  ['mattermost.admin.tokenFile', { mattermost: { admin: { tokenFile: 'credential:admin' } } }],
  ['mattermost.directoryCache', { mattermost: { signIn: 'none', directoryCache: '0s' } }],
  ['sessions.keyFile', { sessions: { keyFile: 'admin-token' } }],
  ['routes[0].path', { routes: [{ path: '/a*b' }] }],
  ['routes[0].path', { routes: [{ path: '/a/../b' }] }],
  ['routes[0].path', { routes: [{ path: '/a%20b' }] }],
  ['routes[0].certificate', { routes: [{ path: '/a', certificate: 'maybe' }] }],
  ['limits.headerBytes', { limits: { headerBytes: 65_536 } }],
  ['limits.headerBytes', { limits: { headerBytes: '64KB' } }],
  ['limits.certificateBytes', { limits: { certificateBytes: '64KiB' } }],
  ['limits.connections', { limits: { connections: 0 } }],
  ['timeouts.header', { timeouts: { header: '0s' } }],
  ['timeouts.upstreamAnswer', { timeouts: { upstreamAnswer: '60d' } }],
  ['timeouts.drain', { timeouts: { drain: '5 s' } }],
  ['audit.file', { audit: { file: 'log' } }],
]

test('refuses each of these mistakes, and nothing beside it', async (t) => {
  const folder = place(t)
  for (const [key, changes] of refused) oneAt(t, await issuesOf(folder, changes), key)
})

function trustWith(changes: Record<string, unknown>): Record<string, unknown> {
  return { trust: [{ name: 'staff', ca: 'ca.crt', ...changes }] }
}

const notBuilt: readonly (readonly [key: string, changes: Record<string, unknown>])[] = [
  ['trust[0].provision', trustWith({ provision: { usernameFrom: 'subject.cn' } })],
  ['mattermost.signIn', { mattermost: { signIn: 'password' } }],
  [
    'mattermost.oauth',
    { mattermost: { signIn: 'none', oauth: { host: 'a', port: 1, clientId: 'a', clientSecretFile: 'a' } } },
  ],
  ['control', { control: { socket: '/a' } }],
  ['stepUp', { stepUp: [{ path: '/a', within: '1m' }] }],
  ['sessions.store', { sessions: { store: 'redis' } }],
  ['sessions.url', { sessions: { url: 'redis://a' } }],
  ['sessions.idle', { sessions: { idle: '1h' } }],
  ['sessions.maxAge', { sessions: { maxAge: '31d' } }],
]

test('refuses with a sentence what is named but not built yet', async (t) => {
  const folder = place(t)
  for (const [key, changes] of notBuilt) {
    const messages = await issuesOf(folder, changes)
    oneAt(t, messages, key)
    t.match(messages[0], /is not built yet: remove the key/)
  }
})

test('accepts a key of what is not built yet at its inert value', async (t) => {
  const revocation = {
    mode: 'none',
    crl: [],
    responder: null,
    fetch: { allow: [], private: false },
    whenUnknown: 'refuse',
    grace: '0m',
  }
  const messages = await issuesOf(place(t), {
    ...trustWith({ require: { policies: [] }, revocation, provision: null }),
    denyList: null,
    stepUp: [],
    control: null,
    metrics: null,
    sessions: { store: 'embedded', url: null, idle: '720m', maxAge: '30d' },
  })
  t.same(messages, [])
})

const contradictory: readonly (readonly [key: string, revocation: Record<string, unknown>, says: RegExp])[] =
  [
    ['crl', { mode: 'crl' }, /is needed by mode: crl/],
    ['crl', { mode: 'ocsp-then-crl', responder: 'http://a' }, /is needed by mode: ocsp-then-crl/],
    ['mode', { crl: ['a.crl'] }, /is none, .* set it to crl/],
    ['mode', { mode: 'ocsp', responder: 'http://a', crl: ['a.crl'] }, /is ocsp, .* set it to ocsp-then-crl/],
    ['responder', { mode: 'ocsp' }, /is needed by OCSP/],
    ['mode', { responder: 'http://a' }, /is none, .* set it to ocsp/],
    ['responder', { mode: 'ocsp', responder: 'ocsp.example.com' }, /write it as http:/],
    ['responder', { mode: 'ocsp', responder: 'http://me:secret@ocsp.example.com' }, /write it as http:/],
    ['crl[0]', { mode: 'crl', crl: ['ldap://pki.example.com/cn=ca'] }, /is no address of a CRL/],
    ['crl[0]', { mode: 'crl', crl: ['http://me:secret@pki.example.com/a.crl'] }, /^(?!.*secret).*user name/],
    ['fetch.allow[0]', { mode: 'crl', fetch: { allow: ['http://pki.example.com/'] } }, /its name alone/],
  ]

test('refuses what says nothing of revocation, or says it to nobody', async (t) => {
  const folder = place(t)
  writeFileSync(join(folder, 'a.crl'), '')
  for (const [key, revocation, says] of contradictory) {
    const messages = await issuesOf(folder, trustWith({ revocation }))
    oneAt(t, messages, `trust[0].revocation.${key}`)
    t.match(messages[0], says)
  }
})

const sufficient = [
  { mode: 'crl', crl: ['a.crl'], whenUnknown: 'allow', grace: '1h' },
  { mode: 'crl', crl: ['http://pki.example.com/ca.crl', 'a.crl'] },
  { mode: 'crl', fetch: { allow: ['pki.example.com', '10.0.0.1:8080', '[::1]:80'], private: true } },
  { mode: 'ocsp', responder: 'https://ocsp.example.com/here' },
  { mode: 'ocsp', fetch: { allow: ['ocsp.example.com'] } },
  { mode: 'ocsp-then-crl', responder: 'http://a', crl: ['a.crl'] },
]

test('takes each way to ask for revocation', async (t) => {
  const folder = place(t)
  writeFileSync(join(folder, 'a.crl'), '')
  for (const revocation of sufficient) {
    t.same(await issuesOf(folder, trustWith({ revocation })), [], JSON.stringify(revocation))
  }
})

test('takes policies by their object identifiers alone', async (t) => {
  const folder = place(t)
  t.same(await issuesOf(folder, trustWith({ require: { policies: ['2.16.840.1.101.2.1.11.42'] } })), [])
  for (const policy of ['1', '3.1', '1.02', 'medium', '1.2.3.']) {
    const messages = await issuesOf(folder, trustWith({ require: { policies: [policy] } }))
    oneAt(t, messages, 'trust[0].require.policies[0]')
    t.match(messages[0], /write its object identifier/)
  }
})

test('takes own TLS with host and port, and refuses what does not go with it', async (t) => {
  const folder = place(t)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  for (const name of ['one', 'two']) {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=a',
      ...files,
    )
    chmodSync(join(folder, `${name}.key`), 0o600)
  }
  const tls = { certificate: 'one.crt', key: 'one.key' }
  const address = { host: '127.0.0.1', port: 0 }
  t.same(await issuesOf(folder, { listen: { ...address, tls } }), [])
  oneAt(t, await issuesOf(folder, { listen: { tls } }), 'listen.tls')
  oneAt(t, await issuesOf(folder, { listen: { ...address, tls }, proxy: { trusted: ['10.0.0.1'] } }), 'proxy')
  oneAt(
    t,
    await issuesOf(folder, { listen: { ...address, tls, multilineHeader: true } }),
    'listen.multilineHeader',
  )
  oneAt(t, await issuesOf(folder, { listen: { ...address, tls: { ...tls, key: 'two.key' } } }), 'listen.tls')
  oneAt(
    t,
    await issuesOf(folder, { listen: { ...address, tls: { certificate: 'one.crt' } } }),
    'listen.tls.key',
  )
})

test("finds systemd's credentials, and warns where a command run by hand cannot see them", async (t) => {
  const folder = place(t)
  const mattermost = { admin: { tokenFile: 'credential:admin-token' } }
  const plain = { ...sound(), mattermost }
  const seen = await resolveConfig(plain, { baseDirectory: '/', credentialsDirectory: folder }).catch(
    (error: unknown) => error,
  )
  // Relative paths follow the base directory, credentials do not.
  t.ok(seen instanceof ConfigError && !seen.issues.some(({ message }) => message.startsWith('mattermost')))
  const found = await resolveConfig(plain, { baseDirectory: folder, credentialsDirectory: folder })
  t.same(found.mattermost?.admin, { tokenFile: join(folder, 'admin-token') })
  const byHand = await resolveConfig(plain, { baseDirectory: folder, uncheckedCredentials: true })
  t.match(byHand.warnings, [{ message: /^mattermost\.admin\.tokenFile: / }])
  const outside = { ...plain, mattermost: { admin: { tokenFile: 'credential:../key' } } }
  const issues = await rejection(
    resolveConfig(outside, { baseDirectory: folder, credentialsDirectory: folder }),
  )
  t.equal(issues.length, 1)
})

test('warns of what is sound and should be looked at', async (t) => {
  const folder = place(t)
  const warned = async (changes: Record<string, unknown>) => {
    const config = await resolveConfig({ ...sound(), ...changes }, { baseDirectory: folder })
    return config.warnings.map(({ message }) => message.split(': ')[0])
  }
  const listen = { host: '127.0.0.1', port: 8066 }
  t.same(await warned({ listen, proxy: { trusted: ['127.0.0.0/8', '::1/128', '10.0.0.1/32'] } }), [
    'proxy.trusted[0]',
    'proxy.trusted[1]',
  ])
  t.same(await warned({ listen, proxy: { trusted: ['127.0.0.1', '0.0.0.0/0'], secretFile: 'secret' } }), [])
  t.same(await warned({ listen: { mode: '0666' } }), ['listen.mode'])
  t.same(await warned({ public: { url: 'http://chat.example.com' } }), ['public.url'])
  t.same(await warned({ public: { url: 'http://localhost:8066' } }), [])
  t.same(await warned(trustWith({ require: { minRsaBits: 1024 } })), ['trust[0].require.minRsaBits'])
  const identity = [{ from: 'subject.cn', match: 'username', pattern: '((?:a+)+)' }]
  t.same(await warned(trustWith({ identity })), ['trust[0].identity[0].pattern'])
  chmodSync(join(folder, 'admin-token'), 0o644)
  t.same(await warned({}), ['mattermost.admin.tokenFile'])
})

test('judges what stands in secret files and never shows it', async (t) => {
  const folder = place(t)
  for (const content of ['', 'zebra\nlemur\nokapi\n', 'zebra okapi\n']) {
    writeFileSync(join(folder, 'secret'), content)
    const messages = await issuesOf(folder, { proxy: { secretFile: 'secret' } })
    oneAt(t, messages, 'proxy.secretFile')
    t.notMatch(messages[0], /zebra|okapi/)
  }
  writeFileSync(join(folder, 'admin-token'), '\n')
  oneAt(t, await issuesOf(folder, {}), 'mattermost.admin.tokenFile')
})

test('keeps a password in an address out of its messages', async (t) => {
  const messages = await issuesOf(place(t), { public: { url: 'htp://user:hush@chat.example.com' } })
  oneAt(t, messages, 'public.url')
  t.notMatch(messages[0], /hush/)
})

test('the example loads without an issue or a warning, and fits its own schema', async (t) => {
  const folder = t.testdir({
    etc: { mattergate: { 'ca.crt': certificate, 'admin-token': 'token\n' } },
    var: {},
  })
  mkdirSync(join(folder, 'var/log/mattergate'), { recursive: true })
  chmodSync(join(folder, 'etc/mattergate/admin-token'), 0o640)
  const file = join(folder, 'config.yaml')
  writeFileSync(file, example.replaceAll(/(?<= )\/(?=(etc|var\/log)\/)/g, `${folder}/`))
  const config = await loadConfig(file)
  t.same(config.warnings, [])
  t.equal(config.proxy.verifyHeader, 'X-SSL-Client-Verify')
  t.equal(config.routes.length, 2)
  const schema = Schema.Compile(jsonSchema())
  t.ok(schema.Check(parse(example)))
  t.notOk(schema.Check({ ...parse(example), more: 1 }))
})

test('the example names every key of the schema, live or commented', (t) => {
  for (const { path } of describeKeys()) {
    const inList = path.split('[].').at(-1) ?? path
    const name = /^(subject|san)\./.test(inList) ? inList : (inList.split('.').at(-1) ?? inList)
    t.match(example, new RegExp(`(^|[ {#])${name.replaceAll('.', '\\.')}:`, 'm'), path)
  }
  t.end()
})

test('the schema explains every key, with its type and default', (t) => {
  const keys = describeKeys()
  t.ok(keys.every(({ type, description }) => type !== '' && description !== ''))
  const row = (path: string) => keys.find((key) => key.path === path)
  t.equal(row('timeouts.drain')?.default, '"30s"')
  t.equal(row('public.url')?.default, null)
  t.equal(row('trust[].identity[].match')?.type, 'one of email, username')
  t.match(jsonSchema(), {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    additionalProperties: false,
  })
  t.end()
})

test('each form of the proxy has headers of its own, unless they are named', async (t) => {
  const folder = place(t)
  const namesOf = async (proxy: Record<string, unknown>) => {
    const { certificateHeader, chainHeader, subjectHeader } = (
      await resolveConfig({ ...sound(), proxy }, { baseDirectory: folder })
    ).proxy
    return [certificateHeader, chainHeader, subjectHeader]
  }
  const own = 'X-SSL-Client-Cert'
  t.same(await namesOf({}), [own, null, 'X-SSL-Client-Cert-Subject-DN'])
  t.same(await namesOf({ subjectHeader: null }), [own, null, null])
  t.same(await namesOf({ certificate: 'rfc9440' }), ['Client-Cert', 'Client-Cert-Chain', null])
  t.same(await namesOf({ certificate: 'envoy' }), ['X-Forwarded-Client-Cert', null, null])
  t.same(await namesOf({ certificate: 'traefik' }), ['X-Forwarded-Tls-Client-Cert', null, null])
  t.same(await namesOf({ certificate: 'aws-alb' }), ['X-Amzn-Mtls-Clientcert-Leaf', null, null])
  t.same(await namesOf({ certificate: 'cloudflare' }), ['Cf-Client-Cert-Der-Base64', null, null])
  t.same(await namesOf({ certificate: 'azure' }), [own, null, null])
  t.same(await namesOf({ certificate: 'haproxy' }), [own, `${own}-Chain`, null])
  t.same(await namesOf({ certificate: 'apache', certificateHeader: 'X-A', subjectHeader: 'X-B' }), [
    'X-A',
    'X-A-Chain',
    'X-B',
  ])
})
