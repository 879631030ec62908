import type { Config } from '../config/config.js'
import { type Finding, fail, ok, skipped, warn } from './finding.js'
import { type Directive, findDirectives, parseNginxDump } from './nginx-directives.js'
import { type ProxyingLocation, proxyingLocations } from './nginx-locations.js'

/** nginx as this machine has it; null: not found, or not to be read by this user. */
export interface NginxProgram {
  /** `nginx -v`: `1.22.1` */
  version(): Promise<string | null>
  /** `nginx -T` */
  dump(): Promise<string | null>
}

export interface NginxReport {
  readonly findings: readonly Finding[]
  /** Whether there are other TLS servers beside those that lead to the gateway; null: unknown. */
  readonly otherServers: boolean | null
}

export async function checkNginx(config: Config, nginx: NginxProgram): Promise<NginxReport> {
  if (config.listen.tls !== null) return { findings: [], otherServers: false }
  const { certificate } = config.proxy
  if (certificate !== 'nginx') {
    const text = `the proxy is ${certificate}: its configuration is not read here`
    return { findings: [skipped('nginx.configuration', text)], otherServers: null }
  }
  const { findings, otherServers } = checkDump(config, await nginx.dump())
  return { findings: [checkVersion(await nginx.version()), ...findings], otherServers }
}

const remedyOfVersion = 'update nginx, or make sure that your distribution has mended it'

/** CVE-2025-23419: a TLS session resumed at another server block skips its client certificate check. */
function checkVersion(version: string | null): Finding {
  if (version === null) return skipped('nginx.version', 'nginx was not found on this machine')
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const number = major * 1_000_000 + minor * 1_000 + patch
  if (number < 1_013_005) {
    const text = `nginx ${version} cannot write $ssl_client_escaped_cert`
    return fail('nginx.version', text, 'update nginx to 1.13.5 or newer')
  }
  // Fixed in 1.26.3 and 1.27.4.
  const resumes = number >= 1_011_004 && (number < 1_026_003 || (number >= 1_027_000 && number < 1_027_004))
  if (!resumes) return ok('nginx.version', `nginx ${version}`)
  const text = `nginx ${version}: a TLS session may be resumed at another server block (CVE-2025-23419)`
  return warn('nginx.version', text, remedyOfVersion)
}

function checkDump(config: Config, dump: string | null): NginxReport {
  const alone = (finding: Finding) => ({ findings: [finding], otherServers: null })
  if (dump === null) {
    const text = "nginx's configuration could not be read"
    const remedy = 'run this as root where nginx runs, or name --nginx-dump FILE'
    return alone(skipped('nginx.configuration', text, remedy))
  }
  const files = readDump(dump)
  if (typeof files === 'string')
    return alone(fail('nginx.configuration', files, 'let nginx -t say what is wrong'))
  const found = proxyingLocations(files, config)
  if (found.length === 0) return alone(leadsNowhere(config))
  const wrong = [
    ...found.flatMap((location) => checkHeaders(config, location)),
    ...checkServers(files, found),
  ]
  const count = found.length === 1 ? 'one block leads' : `${found.length} blocks lead`
  const text = `${count} to the gateway, and the client's own certificate headers end in each`
  return {
    findings: wrong.length > 0 ? wrong : [ok('nginx.headers', text)],
    otherServers: hasOtherTlsServers(files, found),
  }
}

function readDump(dump: string): ReadonlyMap<string, readonly Directive[]> | string {
  try {
    return parseNginxDump(dump)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return error.message
  }
}

function hasOtherTlsServers(
  files: ReadonlyMap<string, readonly Directive[]>,
  found: readonly ProxyingLocation[],
): boolean {
  const ours = new Set(found.map(({ server }) => server))
  return findDirectives([...files.values()].flat(), 'server').some(
    (server) =>
      !ours.has(server) &&
      (server.children ?? []).some(({ name, args }) => name === 'listen' && args.includes('ssl')),
  )
}

function leadsNowhere({ listen }: Config): Finding {
  const where =
    listen.kind === 'socket' ? `http://unix:${listen.path}` : `http://${listen.host}:${listen.port}`
  const text = 'no proxy_pass leads to where the gateway listens'
  const remedy = `let proxy_pass go to ${where}, or print a whole site with mattergate nginx`
  return fail('nginx.configuration', text, remedy)
}

/** Of one location: what it says of the certificate, and what it leaves to the client to say. */
function checkHeaders(config: Config, { where, headers, path }: ProxyingLocation): Finding[] {
  const { proxy, listen } = config
  const findings: Finding[] = []
  const wrong = (text: string, remedy: string) =>
    findings.push(fail('nginx.headers', `${where}: ${text}`, remedy))
  const certificate = headers.get(proxy.certificateHeader.toLowerCase())
  if (certificate === undefined) {
    wrong(
      `${proxy.certificateHeader} is not set: a client can write it himself`,
      `add proxy_set_header ${proxy.certificateHeader} $ssl_client_escaped_cert; (a block with one proxy_set_header inherits none)`,
    )
  } else if (certificate === '$ssl_client_cert' && !listen.multilineHeader) {
    wrong(
      `$ssl_client_cert is sent over several lines, which is refused`,
      'write $ssl_client_escaped_cert, or set listen.multilineHeader: true',
    )
  } else if (certificate === '$ssl_client_raw_cert') {
    wrong('$ssl_client_raw_cert cannot stand in a header', 'write $ssl_client_escaped_cert')
  }
  for (const name of [proxy.subjectHeader, proxy.verifyHeader]) {
    if (name === null || headers.has(name.toLowerCase())) continue
    const value = name === proxy.verifyHeader ? '$ssl_client_verify' : '$ssl_client_s_dn'
    wrong(`${name} is not set: a client can write it himself`, `add proxy_set_header ${name} ${value};`)
  }
  if (!headers.has('x-mattergate-proxy-refusal') && !path.includes('/.mattergate/refused')) {
    const remedy = 'add proxy_set_header X-Mattergate-Proxy-Refusal "";'
    findings.push(
      warn('nginx.headers', `${where}: a client can write X-Mattergate-Proxy-Refusal himself`, remedy),
    )
  }
  if (proxy.secretFile !== null && !headers.has('x-mattergate-proxy-secret')) {
    wrong(
      'X-Mattergate-Proxy-Secret is not sent: everything will be refused',
      'include the file with the secret',
    )
  }
  if (headers.get('host') === undefined) {
    wrong('Host is not passed on', 'add proxy_set_header Host $http_host;')
  }
  return findings
}

/** Of each server block that leads to the gateway: whether it asks for a certificate, and checks it. */
function checkServers(
  files: ReadonlyMap<string, readonly Directive[]>,
  found: readonly ProxyingLocation[],
): Finding[] {
  const http = findDirectives([...files.values()].flat(), 'http').flatMap(({ children }) => children ?? [])
  return [...new Set(found.map(({ server }) => server))].flatMap((server) => {
    const setting = (name: string) =>
      [...(server.children ?? []), ...http].find((directive) => directive.name === name)?.args[0]
    const where = `${server.file}:${server.line} server`
    const verify = setting('ssl_verify_client') ?? 'off'
    const findings: Finding[] = []
    if (verify === 'off') {
      const text = `${where}: ssl_verify_client is off: nobody is asked for a certificate`
      findings.push(fail('nginx.configuration', text, 'add ssl_verify_client optional;'))
    } else if (verify === 'on') {
      const text = `${where}: ssl_verify_client is on: whoever has no certificate gets nginx's bare 400`
      findings.push(
        warn('nginx.configuration', text, 'write ssl_verify_client optional; the gateway refuses the rest'),
      )
    }
    if (verify !== 'off' && setting('ssl_client_certificate') === undefined) {
      const text = `${where}: ssl_client_certificate is missing`
      findings.push(fail('nginx.configuration', text, 'name your CA file in it'))
    }
    if (setting('ssl_early_data') === 'on') {
      const text = `${where}: ssl_early_data is on: what is sent early can be replayed`
      findings.push(fail('nginx.configuration', text, 'write ssl_early_data off;'))
    }
    return findings
  })
}
