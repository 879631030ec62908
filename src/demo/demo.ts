import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { loadConfig } from '../config/load.js'
import { systemClock } from '../core/clock.js'
import { silentLog } from '../front/log.js'
import { Gateway } from '../server/gateway.js'
import { type Caller, plainCaller, tlsCaller } from './caller.js'
import { type DemoFiles, type Holder, holders, makeDemoCertificates } from './demo-certificates.js'
import { demoConfiguration } from './demo-configuration.js'
import { NginxFront } from './nginx-front.js'
import { callerRows, type Expectation, refusedByNginx } from './requests.js'
import { type StandinUser, startStandin } from './standin/standin.js'
import type { Row } from './table.js'

export interface DemoOptions {
  /** Where certificates, configuration and state are made anew: `certs/demo`. */
  readonly folder: string
  /** A real nginx with the guide's snippet in front, in place of the gateway's own TLS. */
  readonly nginx: boolean
  /** The port that people open; 0: any free one. */
  readonly port: number
}

/** A running demo: the gateway with everything around it, on loopback only. */
export class Demo {
  readonly files: DemoFiles
  /** What people open. */
  readonly publicUrl: string
  readonly configFile: string
  readonly auditFile: string
  readonly #options: DemoOptions
  readonly #plainUrl: string
  readonly #channelId: string
  readonly #closing: (() => Promise<void>)[]

  private constructor(parts: {
    files: DemoFiles
    publicUrl: string
    plainUrl: string
    channelId: string
    configFile: string
    auditFile: string
    options: DemoOptions
    closing: (() => Promise<void>)[]
  }) {
    this.files = parts.files
    this.publicUrl = parts.publicUrl
    this.configFile = parts.configFile
    this.auditFile = parts.auditFile
    this.#plainUrl = parts.plainUrl
    this.#channelId = parts.channelId
    this.#options = parts.options
    this.#closing = parts.closing
  }

  static async start(options: DemoOptions): Promise<Demo> {
    const closing: (() => Promise<void>)[] = []
    try {
      return await start(options, closing, (parts) => new Demo({ ...parts, options, closing }))
    } catch (error) {
      await closeAll(closing)
      throw error
    }
  }

  /** Every kind of request by every caller: what was expected, and what came. */
  async sendEverything(): Promise<Row[]> {
    const rows: Row[] = []
    const scene = { publicUrl: this.publicUrl, channelId: this.#channelId }
    for (const [caller, expectation] of await this.#callers()) {
      rows.push(...(await callerRows(caller, expectation, scene)))
      await caller.agent.close()
    }
    return rows
  }

  async close(): Promise<void> {
    await closeAll(this.#closing)
  }

  async #callers(): Promise<[Caller, Expectation][]> {
    const expectations = this.#options.nginx ? behindNginx : behindOwnTls
    const { ca } = this.files
    const callers: [Caller, Expectation][] = []
    for (const holder of holders) {
      const files = { ca, certificate: this.files.certificate(holder), key: this.files.key(holder) }
      callers.push([await tlsCaller(holder, this.publicUrl, files), expectations[holder]])
    }
    callers.push([await tlsCaller('no certificate', this.publicUrl, { ca }), expectations.none])
    const forged = { 'X-SSL-Client-Cert': await this.files.escapedCertificate('mmuser') }
    callers.push([plainCaller('untrusted peer', this.#plainUrl, forged), untrustedPeer])
    return callers
  }
}

type Expectations = Readonly<Record<Holder | 'none', Expectation>>

const signedIn: Expectation = { user: 'mmuser' }
const denied: Expectation = { refusal: 'certificate_revoked', status: 403 }
const untrustedPeer: Expectation = { refusal: 'peer_untrusted', status: 403 }

const behindOwnTls: Expectations = {
  mmuser: signedIn,
  version1: signedIn,
  expired: { refusal: 'certificate_expired', status: 403 },
  revoked: denied,
  stranger: { refusal: 'chain_untrusted', status: 403 },
  weak: { refusal: 'key_too_weak', status: 403 },
  none: { refusal: 'certificate_missing', status: 401 },
}

/** With the guide's `ssl_verify_client on`, nginx refuses these before the gateway hears of them. */
const behindNginx: Expectations = {
  mmuser: signedIn,
  version1: signedIn,
  expired: refusedByNginx,
  revoked: denied,
  stranger: refusedByNginx,
  weak: refusedByNginx,
  none: refusedByNginx,
}

type DemoParts = Pick<Demo, 'files' | 'publicUrl' | 'configFile' | 'auditFile'> & {
  readonly plainUrl: string
  readonly channelId: string
}

async function start(
  options: DemoOptions,
  closing: (() => Promise<void>)[],
  make: (parts: DemoParts) => Demo,
): Promise<Demo> {
  const folder = resolve(options.folder)
  const files = await makeDemoCertificates(folder, new Date(systemClock.now()))
  const port = options.port === 0 ? await freePort() : options.port
  const publicUrl = `https://localhost:${port}`
  const standin = await startStandin({ siteUrl: publicUrl, users: demoUsers })
  closing.push(() => standin.close())
  const adminToken = join(folder, 'admin-token')
  await writeFile(adminToken, standin.adminToken, { mode: 0o600 })
  const common = { folder, files, publicUrl, adminToken, mattermost: standin.url }
  const configFile = await writeConfiguration('gateway', common, options.nginx ? 'behind nginx' : { port })
  const gateway = await openGateway(configFile, closing)
  if (options.nginx) await startNginx(files, port, `unix:${gateway.address}`, closing)
  const plain = await openGateway(await writeConfiguration('untrusting', common, 'trusts nobody'), closing)
  return make({
    files,
    publicUrl,
    configFile,
    auditFile: join(folder, 'gateway', 'audit.jsonl'),
    plainUrl: `http://${plain.address}`,
    channelId: standin.channelId,
  })
}

const demoUsers: readonly StandinUser[] = [
  { username: 'mmuser', email: 'mmuser@mattermost.com', password: 'mmuser-password' },
]

async function writeConfiguration(
  name: string,
  common: Omit<Parameters<typeof demoConfiguration>[0], 'state' | 'listen'>,
  listen: Parameters<typeof demoConfiguration>[0]['listen'],
): Promise<string> {
  const state = join(common.folder, name)
  await mkdir(state, { recursive: true, mode: 0o700 })
  const file = join(common.folder, `${name}.yaml`)
  await writeFile(file, demoConfiguration({ ...common, state, listen }))
  return file
}

async function openGateway(configFile: string, closing: (() => Promise<void>)[]): Promise<Gateway> {
  const gateway = await Gateway.start(await loadConfig(configFile), { log: silentLog, clock: systemClock })
  closing.push(() => gateway.stop())
  return gateway
}

async function startNginx(
  files: DemoFiles,
  port: number,
  upstream: string,
  closing: (() => Promise<void>)[],
): Promise<void> {
  const front = await NginxFront.start({
    folder: join(files.folder, 'nginx'),
    port,
    certificate: files.serverCertificate,
    key: files.serverKey,
    clientCa: files.ca,
    upstream,
  })
  closing.push(() => front.stop())
}

/** Ends what was started, last first. */
async function closeAll(closing: (() => Promise<void>)[]): Promise<void> {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close()
}

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolvePort(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
