import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import type { Config, MattermostConfig } from '../config/config.js'
import { Fault } from '../core/faults.js'
import type { AdminAccount, ServerSettings } from '../mattermost/answers.js'
import { MattermostClient } from '../mattermost/client.js'
import { type Finding, fail, ok, reasonOf, skipped, warn } from './finding.js'
import type { Machine } from './machine.js'

/** What Mattermost says of itself, of the administrator's credential, and of whom it answers. */
export async function checkMattermost(config: Config, machine: Machine): Promise<Finding[]> {
  const { mattermost } = config
  if (mattermost === null)
    return [skipped('mattermost.reachable', 'mattermost is null: there is nothing to ask')]
  const bypass = await checkBypass(mattermost, machine)
  if (mattermost.admin === null) {
    return [...bypass, skipped('admin', 'there is no administrator credential: accounts are not looked up')]
  }
  const client = openClient(mattermost, mattermost.admin, machine)
  if (client instanceof Error) {
    return [...bypass, fail('admin', client.message, 'put the token of a system administrator into the file')]
  }
  try {
    return [...bypass, ...(await askServer(config, mattermost, client, machine))]
  } finally {
    await client.close()
  }
}

function openClient(
  { url }: MattermostConfig,
  admin: NonNullable<MattermostConfig['admin']>,
  { clock }: Machine,
): MattermostClient | Fault {
  try {
    return new MattermostClient({ url, admin, clock })
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
}

async function askServer(
  config: Config,
  mattermost: MattermostConfig,
  client: MattermostClient,
  machine: Machine,
): Promise<Finding[]> {
  const askedAt = machine.clock.now()
  const time = await client.ping().then(
    (found) => found,
    (error: unknown) => reasonOf(error),
  )
  if (typeof time === 'string') {
    const remedy = 'start it, or correct mattermost.url'
    return [fail('mattermost.reachable', `${mattermost.url} does not answer: ${time}`, remedy)]
  }
  return [
    ...(await checkVersionAndUrl(config, client)),
    checkClock(time, askedAt, machine.clock.now()),
    ...(await checkAdmin(mattermost, client)),
    await checkWebsocket(config, mattermost),
  ]
}

async function checkVersionAndUrl({ public: { url } }: Config, client: MattermostClient): Promise<Finding[]> {
  try {
    const { version, siteUrl } = await client.clientConfig()
    const reachable = ok('mattermost.reachable', `Mattermost ${version} answers`)
    return [reachable, checkSiteUrl(url, siteUrl)]
  } catch (error) {
    const remedy = 'see that mattermost.url leads to Mattermost itself'
    return [fail('mattermost.reachable', reasonOf(error), remedy)]
  }
}

function checkSiteUrl(publicUrl: string, siteUrl: string): Finding {
  const remedy = `set Site URL to ${publicUrl} in the System Console (Environment > Web Server)`
  if (siteUrl === '') return warn('mattermost.site-url', 'Mattermost shows no SiteURL', remedy)
  const origin = URL.canParse(siteUrl) ? new URL(siteUrl).origin : siteUrl
  return origin === publicUrl
    ? ok('mattermost.site-url', `SiteURL is public.url, ${publicUrl}`)
    : fail(
        'mattermost.site-url',
        `SiteURL is ${siteUrl}, public.url is ${publicUrl}: websockets are refused`,
        remedy,
      )
}

const toleranceMs = 5_000

/** A certificate ends by this machine's clock, and a Date header has whole seconds. */
function checkClock(serverMs: number | null, before: number, after: number): Finding {
  if (serverMs === null) return skipped('clock', 'Mattermost says no time')
  const off =
    serverMs < before - toleranceMs
      ? serverMs - before
      : serverMs > after + toleranceMs
        ? serverMs - after
        : 0
  if (off === 0) return ok('clock', 'the clock agrees with that of Mattermost')
  const text = `the clocks of this machine and of Mattermost differ by ${Math.round(Math.abs(off) / 1_000)} s`
  return fail('clock', text, 'let both take the time from the network (timedatectl set-ntp true)')
}

async function checkAdmin(mattermost: MattermostConfig, client: MattermostClient): Promise<Finding[]> {
  const settings = await client.serverSettings().then(
    (found) => found,
    (error: unknown) => reasonOf(error),
  )
  const overSocket = mattermost.admin !== null && 'socket' in mattermost.admin
  const credential = overSocket ? socketCredential(settings) : await tokenCredential(client)
  if (typeof settings === 'string') {
    return [credential, skipped('mattermost.tokens', `the server's settings cannot be read: ${settings}`)]
  }
  return [credential, checkTokens(mattermost, settings), ...checkRateLimit(settings)]
}

function socketCredential(settings: ServerSettings | string): Finding {
  if (typeof settings !== 'string') return ok('admin', "Mattermost's local mode answers")
  return fail('admin', settings, 'set ServiceSettings.EnableLocalMode, and let this user reach the socket')
}

async function tokenCredential(client: MattermostClient): Promise<Finding> {
  let account: AdminAccount
  try {
    account = await client.adminAccount()
  } catch (error) {
    return fail('admin', reasonOf(error), 'make a new token for the administrator, and put it into the file')
  }
  const { username, isBot, isSystemAdmin } = account
  if (!isSystemAdmin) {
    return fail('admin', `${username} is no system administrator`, `give ${username} the role System Admin`)
  }
  // A bot's account cannot sign in, so nobody's daily work ends with it.
  return isBot
    ? ok('admin', `the administrator is the bot ${username}`)
    : warn(
        'admin',
        `${username} looks like a person's account: whoever takes it over rules the gateway's credential`,
        'use an account of its own, best a bot with the role System Admin',
      )
}

function checkTokens({ signIn }: MattermostConfig, { userAccessTokens }: ServerSettings): Finding {
  if (signIn !== 'access-token') return skipped('mattermost.tokens', `signIn is ${signIn}: none are needed`)
  if (userAccessTokens === true) return ok('mattermost.tokens', 'personal access tokens are on')
  const remedy = 'switch on Enable Personal Access Tokens in the System Console (Integrations)'
  return fail('mattermost.tokens', 'personal access tokens are off: nobody can be signed in', remedy)
}

/** Without the header everybody is the gateway's address, and shares one bucket. */
function checkRateLimit({ rateLimit, trustedProxyIpHeader }: ServerSettings): Finding[] {
  if (rateLimit !== true) return [ok('mattermost.rate-limit', 'the rate limit is off')]
  const reads = (trustedProxyIpHeader ?? []).some((name) => /^x-(forwarded-for|real-ip)$/i.test(name))
  if (reads)
    return [ok('mattermost.rate-limit', 'the rate limit goes by the address that the gateway writes')]
  const text = 'the rate limit is on and TrustedProxyIPHeader is not set: all people share one bucket'
  return [
    fail('mattermost.rate-limit', text, 'set ServiceSettings.TrustedProxyIPHeader to ["X-Forwarded-For"]'),
  ]
}

async function checkBypass({ url }: MattermostConfig, machine: Machine): Promise<Finding[]> {
  const { hostname, port, protocol } = new URL(url)
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
  if (!isLoopback(hostname)) {
    const text = `Mattermost is at ${url}: whoever reaches that address walks past the gateway`
    return [warn('mattermost.bypass', text, 'let its firewall take connections of this machine only')]
  }
  const reached: string[] = []
  for (const address of machine.addresses()) if (await answersAt(address, number)) reached.push(address)
  if (reached.length === 0) return [ok('mattermost.bypass', 'Mattermost answers on loopback alone')]
  const text = `Mattermost also answers at ${reached.join(', ')} port ${number}: whoever reaches that walks past the gateway`
  return [fail('mattermost.bypass', text, `set ServiceSettings.ListenAddress to 127.0.0.1:${number}`)]
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  )
}

/** Whether what answers there is Mattermost: its ping says so to anybody. */
function answersAt(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ host, port, path: '/api/v4/system/ping', agent: false, timeout: 1_000 })
    request.once('timeout', () => request.destroy())
    request.once('error', () => resolve(false))
    request.once('response', (response) => {
      response.resume()
      resolve(true)
    })
  })
}

/** Mattermost holds the Origin against its SiteURL before it looks at any credential (contract rule 65). */
function checkWebsocket({ public: { url } }: Config, mattermost: MattermostConfig): Promise<Finding> {
  const target = new URL('/api/v4/websocket', mattermost.url)
  const protocol = target.protocol === 'https:' ? https : http
  const refused = (text: string) =>
    fail('mattermost.websocket', text, `set Site URL to ${url}; see that no other proxy stands between`)
  return new Promise((resolve) => {
    const headers = {
      ...{ Host: new URL(url).host, Origin: url, Connection: 'Upgrade', Upgrade: 'websocket' },
      ...{ 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64') },
    }
    const request = protocol.request(target, { headers, agent: false, timeout: 5_000 })
    request.once('timeout', () => request.destroy(new Error('no answer within 5 s')))
    request.once('error', (error) => resolve(refused(`a websocket from ${url} ends: ${error.message}`)))
    request.once('response', (response) => {
      response.resume()
      resolve(refused(`a websocket from ${url} is answered ${response.statusCode ?? 0}`))
    })
    request.once('upgrade', (_response, socket) => {
      socket.destroy()
      resolve(ok('mattermost.websocket', `a websocket from ${url} is accepted`))
    })
    request.end()
  })
}
