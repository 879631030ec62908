// A sound set-up that passes, and broken ones, each of which is named rightly: real nginx, real gateway.
import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'
import { loadConfig } from '../../src/config/load.js'
import { systemClock } from '../../src/core/clock.js'
import { type Standin, type StandinOptions, startStandin } from '../../src/demo/standin/standin.js'
import { examine } from '../../src/doctor/doctor.js'
import type { CheckName, Finding } from '../../src/doctor/finding.js'
import { type Machine, thisMachine } from '../../src/doctor/machine.js'
import { parseNginxDump } from '../../src/doctor/nginx-directives.js'
import { silentLog } from '../../src/front/log.js'
import { nginxSite } from '../../src/nginx-site/nginx-site.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { Gateway } from '../../src/server/gateway.js'
import { makeCa } from '../support/certificates.js'
import { freePort } from '../support/free-port.js'
import { startNginx } from '../support/nginx.js'
import { makeList } from '../support/revocation-list.js'

const publicUrl = 'https://chat.example.com'

interface SetUpOptions {
  readonly standin?: StandinOptions
  /** Changes the configuration's text before anything starts. */
  readonly configure?: (yaml: string) => string
  /** Changes nginx's site before it starts. */
  readonly site?: (site: string) => string
  readonly ca?: Parameters<typeof makeCa>[1]
  readonly machine?: Partial<Machine>
  /** Breaks something once all runs. */
  readonly spoil?: (setUp: SetUp) => Promise<void> | void
  readonly withoutNginx?: boolean
}

interface SetUp {
  readonly folder: string
  readonly ca: IssuedCertificate
  readonly standin: Standin
  readonly configFile: string
}

const users = [
  { username: 'admin', bot: true, roles: 'system_admin system_user' },
  { username: 'alice' },
  { username: 'helper', bot: true },
]

/** nginx with the printed site, the gateway, Mattermost's stand-in: what the doctor finds. */
async function findingsOf(t: Test, options: SetUpOptions = {}): Promise<readonly Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mgdr-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const standin = await startStandin({ siteUrl: publicUrl, users, ...options.standin })
  t.teardown(() => standin.close())
  const ca = await makeCa('Test CA', options.ca)
  await writeFile(join(folder, 'ca.crt'), ca.pem)
  await writeFile(join(folder, 'token'), standin.adminToken, { mode: 0o600 })
  const configFile = join(folder, 'config.yaml')
  const yaml = `listen: { socket: http.sock }
public: { url: "${publicUrl}" }
proxy: { verifyHeader: X-SSL-Client-Verify }
trust: [{ name: staff, ca: ca.crt }]
mattermost: { url: "${standin.url}", admin: { tokenFile: token } }
sessions: { path: store }
audit: { file: audit.jsonl }
`
  await writeFile(configFile, yaml)
  const sound = await loadConfig(configFile)
  const gateway = await Gateway.start(sound, { log: silentLog, clock: systemClock })
  t.teardown(() => gateway.stop())
  await writeFile(configFile, (options.configure ?? ((text) => text))(yaml))
  const tls =
    options.withoutNginx === true ? await freePort() : await nginxFor(t, folder, options, nginxSite(sound))
  await options.spoil?.({ folder, standin, configFile, ca })
  const machine = thisMachine({
    clock: systemClock,
    nginxConfig: join(folder, 'nginx.conf'),
    nginxDump: null,
  })
  return examine({
    loadConfig: () => loadConfig(configFile),
    machine: { ...machine, addresses: () => [], ...options.machine },
    connectTo: { host: '127.0.0.1', port: tls },
  })
}

async function nginxFor(t: Test, folder: string, options: SetUpOptions, site: string): Promise<number> {
  const files = ['-keyout', 'server.key', '-out', 'server.crt', '-days', '2', '-subj', '/CN=chat.example.com']
  execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', 'rsa:2048', ...files], {
    cwd: folder,
    stdio: 'pipe',
  })
  return (await startNginx(t, folder, (options.site ?? ((text) => text))(site))).tls
}

function outcomes(findings: readonly Finding[]): Partial<Record<CheckName, string>> {
  return Object.fromEntries(findings.map(({ check, outcome }) => [check, outcome]))
}

test('a sound set-up passes, and every check was made', async (t) => {
  const findings = await findingsOf(t)
  t.strictSame(
    findings.filter(({ outcome }) => outcome === 'fail' || outcome === 'skipped'),
    [],
  )
  t.strictSame(Object.keys(outcomes(findings)).sort(), [
    'admin',
    'authorities',
    'clock',
    'configuration',
    'files',
    'mattermost.bypass',
    'mattermost.rate-limit',
    'mattermost.reachable',
    'mattermost.site-url',
    'mattermost.tokens',
    'mattermost.websocket',
    'nginx.configuration',
    'nginx.forgery',
    'nginx.headers',
    'nginx.names',
    'nginx.version',
    'revocation',
  ])
  const toLookAt = findings.filter(({ outcome }) => outcome === 'warn').map(({ check }) => check)
  // The test's own server certificate is trusted by nobody; the nginx here may be an old one.
  t.strictSame(
    toLookAt.filter((check) => check !== 'nginx.version'),
    ['nginx.configuration'],
  )
})

const dayMs = 86_400_000
const withoutLine = (pattern: RegExp) => (site: string) => site.replaceAll(pattern, '')

/** A trust that looks revocation up so. */
const revocation = (how: string) => (yaml: string) =>
  yaml.replace('ca: ca.crt }', `ca: ca.crt, revocation: ${how} }`)

/** A list of the authority that is due for renewal in so many hours. */
const listDueIn =
  (hours: number) =>
  async ({ folder, ca }: SetUp) => {
    const list = await makeList({
      issuer: ca,
      thisUpdate: new Date(Date.now() - dayMs),
      nextUpdate: new Date(Date.now() + hours * 3_600_000),
    })
    await writeFile(join(folder, 'staff.crl'), list)
  }

const nowhere = `http://127.0.0.1:${await freePort()}`

type Broken = readonly [
  name: string,
  check: CheckName,
  outcome: 'fail' | 'warn',
  says: RegExp,
  options: SetUpOptions,
]

const broken: readonly Broken[] = [
  [
    'an unknown key',
    'configuration',
    'fail',
    /config\.yaml:\d+:\d+: .*rout/,
    { configure: (yaml) => `${yaml}rout: []\n` },
  ],
  [
    'a CA file that is not there',
    'configuration',
    'fail',
    /nowhere\.crt does not exist/,
    { configure: (yaml) => yaml.replace('ca: ca.crt', 'ca: nowhere.crt') },
  ],
  [
    'a CA file that is broken',
    'configuration',
    'fail',
    /ca\.crt:\d+/,
    {
      spoil: ({ folder }) =>
        writeFile(join(folder, 'ca.crt'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
    },
  ],
  [
    'a deny list that is not understood',
    'configuration',
    'fail',
    /deny\.txt:1:1/,
    {
      configure: (yaml) => `${yaml}denyList: deny.txt\n`,
      spoil: ({ folder }) => writeFile(join(folder, 'deny.txt'), 'usr:x\n'),
    },
  ],
  [
    'a token that everybody can read',
    'configuration',
    'warn',
    /mode 0644/,
    { spoil: ({ folder }) => chmod(join(folder, 'token'), 0o644) },
  ],
  [
    'a folder for the audit that is not there',
    'configuration',
    'fail',
    /logs/,
    { configure: (yaml) => yaml.replace('file: audit.jsonl', 'file: logs/audit.jsonl') },
  ],
  [
    'a store that others can look into',
    'files',
    'warn',
    /sessions\.path: .* mode 0755/,
    { spoil: ({ folder }) => chmod(join(folder, 'store'), 0o755) },
  ],
  [
    'an authority that has ended',
    'authorities',
    'fail',
    /expired/,
    { ca: { notBefore: new Date(Date.now() - 10 * dayMs), notAfter: new Date(Date.now() - dayMs) } },
  ],
  [
    'an authority that ends soon',
    'authorities',
    'warn',
    /ends on/,
    { ca: { notAfter: new Date(Date.now() + 5 * dayMs) } },
  ],
  [
    'an authority with a short key',
    'authorities',
    'fail',
    /1024/,
    { ca: { key: { kind: 'rsa', bits: 1024 } } },
  ],
  [
    'a CRL that was due for renewal',
    'revocation',
    'fail',
    /trust staff: the CRL of CN=Test CA,.* from .*staff\.crl was due .*: nobody is let in/,
    { configure: revocation('{ mode: crl, crl: [staff.crl] }'), spoil: listDueIn(-1) },
  ],
  [
    'a CRL that counts by grace alone',
    'revocation',
    'warn',
    /grace alone/,
    { configure: revocation('{ mode: crl, crl: [staff.crl], grace: 2h }'), spoil: listDueIn(-1) },
  ],
  [
    'a CRL that is due for renewal soon',
    'revocation',
    'warn',
    /is due for renewal/,
    { configure: revocation('{ mode: crl, crl: [staff.crl] }'), spoil: listDueIn(1) },
  ],
  [
    'a place of CRLs that does not answer',
    'revocation',
    'fail',
    /no CRL from http:.*ca\.crl: unreachable/,
    { configure: revocation(`{ mode: crl, crl: ["${nowhere}/ca.crl"], fetch: { private: true } }`) },
  ],
  [
    'a place of CRLs at a private address',
    'revocation',
    'fail',
    /address_refused/,
    { configure: revocation(`{ mode: crl, crl: ["${nowhere}/ca.crl"] }`) },
  ],
  [
    'an OCSP responder that does not answer',
    'revocation',
    'fail',
    /the responder http:.* gives no answer: unreachable/,
    { configure: revocation(`{ mode: ocsp, responder: "${nowhere}/ocsp", fetch: { private: true } }`) },
  ],
  [
    'an nginx that is too old for the escaped form',
    'nginx.version',
    'fail',
    /1\.10\.3/,
    { machine: { nginx: { version: async () => '1.10.3', dump: async () => null } } },
  ],
  [
    'an nginx that resumes sessions anywhere',
    'nginx.version',
    'warn',
    /CVE-2025-23419/,
    { machine: { nginx: { version: async () => '1.26.2', dump: async () => null } } },
  ],
  [
    'a proxy_pass that leads elsewhere',
    'nginx.configuration',
    'fail',
    /no proxy_pass leads/,
    { site: (site) => site.replace(/server unix:[^;]+;/, 'server 127.0.0.1:1;') },
  ],
  [
    'a certificate header that a location does not set',
    'nginx.headers',
    'fail',
    /X-SSL-Client-Cert is not set/,
    { site: withoutLine(/ +proxy_set_header X-SSL-Client-Cert [^\n]*\n/g) },
  ],
  [
    'a forged certificate that reaches the gateway',
    'nginx.forgery',
    'fail',
    /anybody can be anybody/,
    { site: withoutLine(/ +proxy_set_header X-SSL-Client-(Cert|Verify) [^\n]*\n/g) },
  ],
  [
    'a block of its own headers, which inherits none',
    'nginx.headers',
    'fail',
    /location \/api\/v4\/files/,
    {
      site: (site) =>
        site.replace(
          '    location / {',
          '    location /api/v4/files { proxy_set_header Host $http_host; proxy_pass http://mattergate; }\n    location / {',
        ),
    },
  ],
  [
    "the guide's header over several lines",
    'nginx.headers',
    'fail',
    /\$ssl_client_cert is sent over several lines/,
    { site: (site) => site.replaceAll('$ssl_client_escaped_cert', '$ssl_client_cert') },
  ],
  [
    'a verify header that is not set',
    'nginx.headers',
    'fail',
    /X-SSL-Client-Verify is not set/,
    { site: withoutLine(/ +proxy_set_header X-SSL-Client-Verify [^\n]*\n/g) },
  ],
  [
    'a server that asks nobody for a certificate',
    'nginx.configuration',
    'fail',
    /ssl_verify_client is off/,
    { site: (site) => site.replace('ssl_verify_client optional;', 'ssl_verify_client off;') },
  ],
  [
    'a server that gives its bare 400',
    'nginx.configuration',
    'warn',
    /ssl_verify_client is on/,
    { site: (site) => site.replace('ssl_verify_client optional;', 'ssl_verify_client on;') },
  ],
  [
    'early data',
    'nginx.configuration',
    'fail',
    /ssl_early_data is on/,
    { site: (site) => site.replace('ssl_early_data off;', 'ssl_early_data on;') },
  ],
  [
    'a public address that does not answer',
    'nginx.forgery',
    'fail',
    /does not answer/,
    { withoutNginx: true },
  ],
  [
    'a public address where somebody else answers',
    'nginx.forgery',
    'fail',
    /not the gateway/,
    {
      site: (site) =>
        site.replace(
          '    location / {',
          '    location = /.mattergate/whoami { return 200 hello; }\n    location / {',
        ),
    },
  ],
  [
    'a Mattermost that does not answer',
    'mattermost.reachable',
    'fail',
    /does not answer/,
    { spoil: ({ standin }) => standin.setDown(true) },
  ],
  [
    'a SiteURL that is another',
    'mattermost.site-url',
    'fail',
    /SiteURL is https:\/\/other/,
    { standin: { siteUrl: 'https://other.example.com' } },
  ],
  [
    'a websocket that Mattermost refuses',
    'mattermost.websocket',
    'fail',
    /answered 403/,
    { standin: { siteUrl: 'https://other.example.com' } },
  ],
  [
    'personal access tokens that are off',
    'mattermost.tokens',
    'fail',
    /are off/,
    { standin: { userAccessTokens: false } },
  ],
  [
    'a rate limit that all people share',
    'mattermost.rate-limit',
    'fail',
    /share one bucket/,
    { standin: { rateLimit: { perSec: 1_000, maxBurst: 1_000 } } },
  ],
  [
    'an admin token that Mattermost does not take',
    'admin',
    'fail',
    /401/,
    { spoil: ({ folder }) => writeFile(join(folder, 'token'), 'x'.repeat(26)) },
  ],
  [
    'an admin token of somebody without the role',
    'admin',
    'fail',
    /no system administrator/,
    {
      spoil: async ({ folder, standin }) =>
        writeFile(join(folder, 'token'), standin.openSession('helper').token),
    },
  ],
  [
    "an admin token of a person's account",
    'admin',
    'warn',
    /person's account/,
    { standin: { users: [{ username: 'admin', roles: 'system_admin system_user' }] } },
  ],
  [
    'a clock that is off',
    'clock',
    'fail',
    /differ by \d+ s/,
    { machine: { clock: { now: () => Date.now() + 3_600_000 } } },
  ],
]

for (const [name, check, outcome, says, options] of broken) {
  test(`names ${name}`, async (t) => {
    const findings = await findingsOf(t, options)
    const found = findings.filter((finding) => finding.check === check && finding.outcome === outcome)
    t.match(found.map(({ text }) => text).join('\n'), says)
    t.ok(
      found.every(({ remedy }) => remedy !== null && remedy.length > 10),
      'and says what to do',
    )
  })
}

test('names a Mattermost that answers past the gateway', async (t) => {
  // Another loopback address in place of the machine's public one: tests bind to no other.
  const findings = await findingsOf(t, {
    machine: { addresses: () => ['127.0.0.1', '127.0.0.9'] },
  })
  const found = findings.find(({ check }) => check === 'mattermost.bypass')
  t.match(found, { outcome: 'fail', text: /answers at 127\.0\.0\.1 port/ })
})

test("reads nginx's quoting, comments and includes as nginx does", async (t) => {
  const dump = `nginx: the configuration file x syntax is ok
# configuration file /etc/nginx/nginx.conf:
events {} # none
http {
  log_format a '{"x":"$y"; # }'
    "more";
  include /etc/nginx/site.conf;
}
# configuration file /etc/nginx/site.conf:
server { server_name "a b"; if ($x ~ "\\"}") { return 403; } }
`
  const files = parseNginxDump(dump)
  t.strictSame([...files.keys()], ['/etc/nginx/nginx.conf', '/etc/nginx/site.conf'])
  const [events, http] = files.get('/etc/nginx/nginx.conf') ?? []
  t.strictSame([events?.name, events?.children], ['events', []])
  t.match(http?.children?.[0], { name: 'log_format', args: ['a', '{"x":"$y"; # }', 'more'], line: 3 })
  const [server] = files.get('/etc/nginx/site.conf') ?? []
  t.match(server?.children?.[0], { name: 'server_name', args: ['a b'], line: 1 })
  t.match(server?.children?.[1], { name: 'if', children: [{ name: 'return', args: ['403'] }] })
  t.throws(() => parseNginxDump('# configuration file x:\nserver {'), { name: 'SyntaxError' })
  t.throws(() => parseNginxDump('# configuration file x:\n}'), { name: 'SyntaxError' })
})

test('the command prints a line for each, what to do, and says by its exit code whether something fails', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mgdr-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'config.yaml')
  await writeFile(config, 'public: { url: "https://x.example" }\n')
  const cli = resolve(import.meta.dirname, '../../dist/cli.js')
  const run = (...args: string[]) => {
    try {
      return {
        code: 0,
        text: execFileSync(process.execPath, [cli, 'doctor', ...args], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      }
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
      return { code: status, text: stdout + stderr }
    }
  }
  const failed = run('--config', config)
  t.equal(failed.code, 1)
  t.match(failed.text, /^FAIL {4}configuration {2}\S+config\.yaml:\d+:\d+: /)
  t.match(failed.text, /\n\n0 ok, 0 to look at, \d+ to mend, 0 not looked at\n$/)
  const json = run('--config', config, '--json')
  t.match(JSON.parse(json.text), [{ check: 'configuration', outcome: 'fail' }])
  t.equal(run('--config', config, '--connect', 'nonsense').code, 64)
  t.equal(run().code, 64)
})
