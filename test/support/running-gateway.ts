import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { loadConfig } from '../../src/config/load.js'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { type Standin, type StandinOptions, startStandin } from '../../src/demo/standin/standin.js'
import { type Log, silentLog } from '../../src/front/log.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { Gateway } from '../../src/server/gateway.js'
import { makeCa, makeUser, type UserOptions } from './certificates.js'

export const publicUrl = 'https://chat.example.com'

export interface RunningOptions {
  readonly standin?: StandinOptions
  /** YAML that is added to the configuration, or stands in place of a section of the same key. */
  readonly yaml?: Readonly<Record<string, string>>
  readonly clock?: Clock
  readonly log?: Log
  /** Further files of the folder, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** Whatever else the folder must hold before the gateway starts. */
  readonly prepare?: (folder: string) => Promise<void>
  /** PEM of the authority in place of one that is made. */
  readonly caPem?: string
}

export interface Sent {
  readonly method?: string
  readonly path?: string
  /** A certificate as nginx would pass it on; null: none. By default mmuser's. */
  readonly certificate?: IssuedCertificate | null
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
}

export interface Received {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

/** The gateway on a unix socket, as behind nginx, in front of a stand-in, with everything in a folder of its own. */
export interface Running {
  readonly standin: Standin
  readonly gateway: Gateway
  readonly folder: string
  readonly configFile: string
  readonly auditFile: string
  readonly ca: IssuedCertificate
  readonly mmuser: IssuedCertificate
  user(options: UserOptions): Promise<IssuedCertificate>
  send(sent?: Sent): Promise<Received>
  /** The events of the audit file, oldest first. */
  audit(): Promise<Readonly<Record<string, unknown>>[]>
  /** Stops the gateway and starts another on the same folder. */
  restart(): Promise<void>
}

export async function startRunning(t: Test, options: RunningOptions = {}): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-'))
  const standin = await startStandin({ siteUrl: publicUrl, users, ...options.standin })
  const ca = await makeCa('Test CA')
  const mmuser = await makeUser(ca)
  const configFile = join(folder, 'config.yaml')
  await writeFile(join(folder, 'ca.crt'), options.caPem ?? ca.pem)
  await writeFile(join(folder, 'admin-token'), standin.adminToken, { mode: 0o600 })
  for (const [file, text] of Object.entries(options.files ?? {})) await writeFile(join(folder, file), text)
  await options.prepare?.(folder)
  await writeFile(configFile, configuration(standin.url, options.yaml ?? {}))
  const start = async () =>
    Gateway.start(await loadConfig(configFile), {
      ...{ log: options.log ?? silentLog, clock: options.clock ?? systemClock },
      readConfig: () => loadConfig(configFile),
    })
  let gateway = await start()
  t.teardown(async () => {
    await gateway.stop()
    await standin.close()
    await rm(folder, { recursive: true, force: true })
  })
  const auditFile = join(folder, 'audit.jsonl')
  return {
    ...{ standin, folder, configFile, auditFile, ca, mmuser },
    get gateway() {
      return gateway
    },
    user: (userOptions) => makeUser(ca, userOptions),
    send: (sent = {}) => send(gateway.address, { certificate: mmuser, ...sent }),
    audit: async () => {
      const lines = (await readFile(auditFile, 'utf8')).split('\n').filter((line) => line !== '')
      return lines.map((line): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>)
    },
    restart: async () => {
      await gateway.stop()
      gateway = await start()
    },
  }
}

const users = [
  { username: 'mmuser', email: 'mmuser@mattermost.com' },
  { username: 'alice', email: 'alice@mattermost.com' },
  { username: 'carol', email: 'carol@mattermost.com', deactivated: true },
  { username: 'robot', bot: true },
]

function configuration(mattermost: string, replaced: Readonly<Record<string, string>>): string {
  const sections: Record<string, string> = {
    listen: '{ socket: http.sock }',
    public: `{ url: "${publicUrl}" }`,
    trust: '[{ name: staff, ca: ca.crt }]',
    mattermost: `{ url: "${mattermost}", signIn: access-token, admin: { tokenFile: admin-token } }`,
    sessions: '{ path: store }',
    audit: '{ file: audit.jsonl }',
    routes: '[{ path: /hooks/*, certificate: none }]',
    ...replaced,
  }
  return Object.entries(sections)
    .map(([key, value]) => `${key}: ${value.replaceAll('MATTERMOST', mattermost)}\n`)
    .join('')
}

/** The header as nginx's `$ssl_client_escaped_cert` writes it. */
export function escaped(certificate: IssuedCertificate): string {
  return encodeURIComponent(certificate.pem)
}

/** Over a unix socket, or to `HOST:PORT`. */
export function send(address: string, sent: Sent): Promise<Received> {
  const { certificate = null, headers = {}, body } = sent
  const where = address.startsWith('/')
    ? { socketPath: address }
    : { host: address.replace(/:\d+$/, ''), port: Number(address.replace(/^.*:/, '')) }
  return new Promise((resolve, reject) => {
    const request = http.request({
      ...where,
      method: sent.method ?? 'GET',
      path: sent.path ?? '/api/v4/users/me',
      agent: false,
      headers: {
        Host: 'chat.example.com',
        ...(certificate === null ? {} : { 'X-SSL-Client-Cert': escaped(certificate) }),
        ...headers,
      },
    })
    request.once('error', reject)
    request.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      })
    })
    request.end(body)
  })
}
