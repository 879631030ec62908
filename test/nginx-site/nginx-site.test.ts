import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import { type Test, test } from 'tap'
import type { Config } from '../../src/config/config.js'
import { loadConfig, resolveConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/core/config-error.js'
import { nginxSite } from '../../src/nginx-site/nginx-site.js'
import { nginxBinary, startNginx, writeNginx } from '../support/nginx.js'

const root = resolve(import.meta.dirname, '../..')

/** A short path: a unix socket's has 107 bytes. */
function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'mgns-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

function openssl(folder: string, ...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
}

function selfSigned(folder: string, name: string, ...key: string[]): void {
  const algorithm = key.length > 0 ? key : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', '2']
  openssl(folder, 'req', '-x509', '-nodes', '-subj', `/CN=${name}`, ...algorithm, ...files)
}

/** A client's certificate of a CA in the same folder. */
function issued(folder: string, ca: string, name: string, ...key: string[]): void {
  const algorithm = key.length > 0 ? key : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  openssl(
    folder,
    'req',
    '-nodes',
    '-subj',
    `/O=Zoo/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    ...algorithm,
  )
  const signer = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-set_serial', '01']
  openssl(folder, 'x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, '-days', '2', ...signer)
}

interface SiteOptions {
  readonly listen?: Record<string, unknown>
  readonly proxy?: Record<string, unknown>
  readonly trust?: readonly Record<string, unknown>[]
  readonly url?: string
}

function configure(folder: string, options: SiteOptions = {}): Promise<Config> {
  mkdirSync(join(folder, 'log'), { recursive: true })
  return resolveConfig(
    {
      listen: options.listen ?? { socket: 'http.sock' },
      public: { url: options.url ?? 'https://chat.example.com' },
      proxy: { verifyHeader: 'X-SSL-Client-Verify', ...options.proxy },
      trust: options.trust ?? [{ name: 'staff', ca: 'ca.crt' }],
      mattermost: null,
      audit: { file: 'log/audit.jsonl' },
    },
    { baseDirectory: folder },
  )
}

/** What `nginx -t` says of the site: nothing but success, no warning either. */
function syntaxOf(folder: string, site: string): string {
  const { stderr } = spawnSync(nginxBinary(), ['-t', '-p', folder, '-c', writeNginx(folder, site)], {
    encoding: 'utf8',
  })
  return stderr.replaceAll(`${folder}/`, '').replaceAll('nginx: ', '')
}

const accepted =
  'the configuration file nginx.conf syntax is ok\nconfiguration file nginx.conf test is successful\n'

interface Upstream {
  readonly requests: { method: string; url: string; headers: Record<string, unknown>; body: string }[]
}

/** Stands where the gateway listens, and notes what arrives. */
async function listenAt(t: Test, socket: string): Promise<Upstream> {
  const requests: Upstream['requests'] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      response.end('from the gateway')
    })
  })
  server.on('upgrade', (request, stream) => {
    requests.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: '',
    })
    stream.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello')
  })
  server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { requests }
}

/** Sends bytes as they are over TLS, with a client certificate or without, and reads to the end. */
async function send(
  port: number,
  lines: readonly string[],
  options: ConnectionOptions = {},
  body = '',
): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  socket.setEncoding('utf8')
  await once(socket, 'secureConnect')
  socket.write([...lines, 'Host: chat.example.com', 'Connection: close', '', body].join('\r\n'))
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer
}

function clientOf(folder: string, name: string): ConnectionOptions {
  return { cert: readFileSync(join(folder, `${name}.crt`)), key: readFileSync(join(folder, `${name}.key`)) }
}

const certificateHeaders = [
  'x-ssl-client-cert',
  'x-ssl-client-cert-subject-dn',
  'client-cert',
  'client-cert-chain',
]

const forged = [
  'X-SSL-Client-Cert: forged',
  'X_SSL_Client_Cert: forged',
  'X-SSL-Client-Cert-Subject-DN: CN=admin',
  'X-SSL-Client-Verify: SUCCESS',
  'Client-Cert: :Zm9yZ2Vk:',
  'Client-Cert-Chain: :Zm9yZ2Vk:',
  'X-Mattergate-Proxy-Secret: forged',
  'X-Mattergate-Proxy-Refusal: forged',
  'X-Forwarded-For: 6.6.6.6',
  'X-Real-IP: 6.6.6.6',
  'X-Forwarded-Host: evil.example.com',
]

/** A site with its CA, a stranger's CA and a client of each, in front of a stand-in for the gateway. */
async function live(t: Test, options: SiteOptions = {}) {
  const folder = folderOf(t)
  for (const name of ['server', 'ca', 'otherca']) selfSigned(folder, name)
  issued(folder, 'ca', 'mmuser')
  issued(folder, 'otherca', 'stranger')
  const upstream = await listenAt(t, join(folder, 'http.sock'))
  const ports = await startNginx(t, folder, nginxSite(await configure(folder, options)))
  return { folder, ports, requests: upstream.requests }
}

test("nginx/mattergate.conf is the example's site, word for word", async (t) => {
  const folder = folderOf(t)
  for (const path of ['etc/mattergate', 'var/log/mattergate'])
    mkdirSync(join(folder, path), { recursive: true })
  selfSigned(join(folder, 'etc/mattergate'), 'ca')
  writeFileSync(join(folder, 'etc/mattergate/admin-token'), 'token\n')
  const example = readFileSync(join(root, 'config.example.yaml'), 'utf8')
  const file = join(folder, 'config.yaml')
  writeFileSync(file, example.replaceAll(/(?<= )\/(?=(etc|var\/log)\/)/g, `${folder}/`))
  const site = nginxSite(await loadConfig(file)).replaceAll(`${folder}/`, '/')
  t.equal(readFileSync(join(root, 'nginx/mattergate.conf'), 'utf8'), site)
})

test('nginx takes the site of every kind of configuration, without a warning', async (t) => {
  const folder = folderOf(t)
  for (const name of ['server', 'ca', 'inter', 'mattergate-clients']) selfSigned(folder, name)
  writeFileSync(join(folder, 'mattergate-clients.pem'), readFileSync(join(folder, 'mattergate-clients.crt')))
  writeFileSync(join(folder, 'secret'), 'proxy-secret-of-the-test\n')
  chmodSync(join(folder, 'secret'), 0o600)
  writeFileSync(
    join(folder, 'mattergate-proxy-secret.conf'),
    'proxy_set_header X-Mattergate-Proxy-Secret "s";\n',
  )
  const trusted = { trusted: ['127.0.0.1/32'] }
  const kinds: Record<string, SiteOptions> = {
    plain: {},
    'host and port': { listen: { host: '127.0.0.1', port: 8066 }, proxy: trusted },
    'every address': { listen: { host: '::', port: 8066 }, proxy: trusted },
    'multi-line': { listen: { socket: 'http.sock', multilineHeader: true } },
    secret: { proxy: { secretFile: 'secret' } },
    'RFC 9440 name': { proxy: { certificateHeader: 'Client-Cert', subjectHeader: null, verifyHeader: null } },
    'several files': {
      trust: [
        { name: 'a', ca: 'ca.crt', intermediates: 'inter.crt' },
        { name: 'b', ca: 'inter.crt' },
      ],
    },
    'short keys': { trust: [{ name: 'a', ca: 'ca.crt', require: { minRsaBits: 1024 } }] },
  }
  for (const [kind, options] of Object.entries(kinds)) {
    t.equal(syntaxOf(folder, nginxSite(await configure(folder, options))), accepted, kind)
  }
})

test('a path cannot slip a directive into the site', async (t) => {
  const folder = folderOf(t)
  selfSigned(folder, 'server')
  selfSigned(folder, 'ca')
  for (const name of ['a b.crt', 'a;return 200;.crt', 'a"b\\.crt', "it's {here} #1.crt"]) {
    writeFileSync(join(folder, name), readFileSync(join(folder, 'ca.crt')))
    const config = await configure(folder, {
      listen: { socket: `${name}.sock` },
      trust: [{ name: 'a', ca: name }],
    })
    t.equal(syntaxOf(folder, nginxSite(config)), accepted, name)
  }
  for (const name of ['a$host.crt', 'a\nb.crt']) {
    writeFileSync(join(folder, name), readFileSync(join(folder, 'ca.crt')))
    const config = await configure(folder, { trust: [{ name: 'a', ca: name }] })
    t.throws(() => nginxSite(config), ConfigError)
  }
})

test('prints no site where TLS ends at the gateway or another proxy, or where people use plain http', async (t) => {
  const folder = folderOf(t)
  selfSigned(folder, 'server')
  selfSigned(folder, 'ca')
  const config = await configure(folder)
  const files = { certificate: join(folder, 'server.crt'), key: join(folder, 'server.key') }
  t.throws(() => nginxSite({ ...config, listen: { ...config.listen, tls: files } }), ConfigError)
  t.throws(() => nginxSite({ ...config, proxy: { ...config.proxy, certificate: 'haproxy' } }), ConfigError)
  t.throws(() => nginxSite({ ...config, public: { url: 'http://localhost', origins: [] } }), ConfigError)
})

test('never prints the proxy secret, and sends the one of the include alone', async (t) => {
  const folder = folderOf(t)
  for (const name of ['server', 'ca']) selfSigned(folder, name)
  writeFileSync(join(folder, 'secret'), 'proxy-secret-of-the-test\n')
  const site = nginxSite(await configure(folder, { proxy: { secretFile: 'secret' } }))
  t.notMatch(site, /proxy-secret-of-the-test/)
  // The command that the site's comment shows, with its target moved here.
  const command = /^# {3}(umask .*)$/m.exec(site)?.[1]?.replace('/etc/nginx/', `${folder}/`) ?? ''
  execFileSync('sh', ['-c', command])
  const { requests } = await listenAt(t, join(folder, 'http.sock'))
  const ports = await startNginx(t, folder, site)
  await send(ports.tls, ['GET / HTTP/1.1', ...forged])
  t.equal(requests[0]?.headers['x-mattergate-proxy-secret'], 'proxy-secret-of-the-test')
})

test('between a client and the gateway', async (t) => {
  const { folder, ports, requests } = await live(t)
  const mmuser = clientOf(folder, 'mmuser')
  const stranger = clientOf(folder, 'stranger')

  await t.test('hands over the certificate escaped, its subject and the verdict', async (t) => {
    requests.length = 0
    await send(ports.tls, ['GET /api/v4/users/me?a=%2F HTTP/1.1', ...forged], mmuser)
    const [request] = requests
    const headers = request?.headers ?? {}
    t.equal(request?.url, '/api/v4/users/me?a=%2F')
    const pem = readFileSync(join(folder, 'mmuser.crt'), 'utf8')
    t.equal(decodeURIComponent(String(headers['x-ssl-client-cert'])), pem)
    t.equal(headers['x-ssl-client-cert-subject-dn'], 'CN=mmuser,O=Zoo')
    t.equal(headers['x-ssl-client-verify'], 'SUCCESS')
    t.match(headers, {
      host: 'chat.example.com',
      'x-real-ip': '127.0.0.1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'chat.example.com',
    })
    t.notMatch(JSON.stringify(request), /forged|evil|6\.6\.6\.6/)
  })

  await t.test('sends empty certificate headers for a client without one, whatever it forges', async (t) => {
    requests.length = 0
    for (const path of ['/', '/api/v4/websocket', '/api/v4/users/websocket', '/hooks/x']) {
      await send(ports.tls, [`GET ${path} HTTP/1.1`, ...forged])
    }
    t.equal(requests.length, 4)
    for (const { headers } of requests) {
      for (const name of certificateHeaders) t.notOk(headers[name], name)
      t.equal(headers['x-ssl-client-verify'], 'NONE')
      t.notMatch(JSON.stringify(headers), /forged|evil/)
    }
  })

  await t.test('leads a certificate that nginx refused to the page that says why, without it', async (t) => {
    requests.length = 0
    const post = ['POST /api/v4/posts HTTP/1.1', ...forged, 'Content-Length: 6']
    const answer = await send(ports.tls, post, stranger, 'forged')
    t.match(answer, /^HTTP\/1\.1 200 .*from the gateway/s, "the gateway's own status and body")
    await send(ports.tls, ['HEAD / HTTP/1.1', ...forged], stranger)
    await send(ports.tls, ['GET /api/v4/websocket HTTP/1.1', 'Upgrade: websocket', ...forged], stranger)
    t.equal(requests.length, 3)
    for (const { method, url, headers, body } of requests) {
      t.same([method, url, body], ['GET', '/.mattergate/refused', ''])
      t.match(headers['x-mattergate-proxy-refusal'], /^495 FAILED:/)
      for (const name of [...certificateHeaders, 'x-ssl-client-verify', 'upgrade', 'content-length']) {
        t.notOk(headers[name], name)
      }
      t.notMatch(JSON.stringify(headers), /forged|evil|Zoo/)
    }
  })

  await t.test('keeps that page from being asked for by hand', async (t) => {
    requests.length = 0
    for (const path of ['/.mattergate/refused', '/%2emattergate//refused']) {
      t.match(await send(ports.tls, [`GET ${path} HTTP/1.1`], mmuser), /^HTTP\/1\.1 404 /)
    }
    t.equal(requests.length, 0)
  })

  await t.test('lets websockets through, and no other upgrade', async (t) => {
    requests.length = 0
    const upgrade = async (path: string, protocol: string) => {
      const socket = connect({ port: ports.tls, host: '127.0.0.1', rejectUnauthorized: false, ...mmuser })
      socket.setEncoding('utf8')
      await once(socket, 'secureConnect')
      const lines = [
        `GET ${path} HTTP/1.1`,
        'Host: chat.example.com',
        `Upgrade: ${protocol}`,
        'Connection: Upgrade',
      ]
      socket.write([...lines, '', ''].join('\r\n'))
      const first = await new Promise<unknown>((settle) => socket.once('data', settle))
      socket.destroy()
      return String(first)
    }
    t.match(await upgrade('/api/v4/websocket', 'websocket'), /^HTTP\/1\.1 101 /)
    t.match(await upgrade('/plugins/com.example/ws', 'WebSocket'), /^HTTP\/1\.1 101 /)
    t.match(await upgrade('/', 'h2c'), /^HTTP\/1\.1 200 /)
    t.equal(requests[2]?.headers.upgrade, undefined)
  })

  await t.test('sends plain http to the public address', async (t) => {
    const socket = connectTcp(ports.plain, '127.0.0.1')
    socket.setEncoding('utf8')
    socket.write('GET /a?b HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n')
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    t.match(answer, /^HTTP\/1\.1 301 [\s\S]*\r\nLocation: https:\/\/chat\.example\.com\/a\?b\r\n/)
  })
})

test("lets a 1024-bit key reach the gateway's verdict where a trust allows it, and only there", async (t) => {
  const weak = { ciphers: 'DEFAULT:@SECLEVEL=0' }
  for (const [minRsaBits, url] of [
    [1024, '/'],
    [2048, '/.mattergate/refused'],
  ] as const) {
    const site = await live(t, { trust: [{ name: 'a', ca: 'ca.crt', require: { minRsaBits } }] })
    issued(site.folder, 'ca', 'weak', '-newkey', 'rsa:1024')
    await send(site.ports.tls, ['GET / HTTP/1.1'], { ...clientOf(site.folder, 'weak'), ...weak })
    t.equal(site.requests[0]?.url, url, `minRsaBits ${minRsaBits}`)
  }
})
