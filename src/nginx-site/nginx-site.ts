import type { Config } from '../config/config.js'
import { secretInclude } from './locations.js'
import { tlsServer } from './tls-server.js'
import { nginxWord, shellWord, siteError } from './words.js'

/**
 * The whole nginx site (nginx 1.13.5 or newer) for Mattermost behind this gateway.
 *
 * @throws ConfigError where there is no such site: the gateway ends TLS itself, people use plain http, or
 *   a path cannot be written in nginx's configuration.
 */
export function nginxSite(config: Config): string {
  const problem = unprintable(config)
  if (problem !== null) throw siteError(config, problem)
  return [
    ...heading(config),
    ...shared(config),
    '',
    ...plainServer(config),
    '',
    ...tlsServer(config),
    '',
  ].join('\n')
}

function unprintable({ listen, proxy, public: { url } }: Config): string | null {
  if (listen.tls !== null) {
    return 'listen.tls: the gateway ends TLS itself, and no nginx belongs in front of it: remove this key to have a site printed'
  }
  if (!url.startsWith('https:')) {
    return 'public.url: a client certificate needs https: change it to the https address that nginx will answer'
  }
  if (proxy.certificate !== 'nginx') {
    return `proxy.certificate: ${proxy.certificate} is not what nginx sends: remove this key to have a site printed`
  }
  return null
}

function heading(config: Config): string[] {
  const { secretFile } = config.proxy
  const secret = [
    '#',
    '# The proxy secret goes to nginx in a file of its own, readable by root alone:',
    `#   umask 077; printf 'proxy_set_header X-Mattergate-Proxy-Secret "%s";\\n' "$(head -n 1 ${shellWord(config, 'proxy.secretFile', secretFile ?? '/')})" > ${secretInclude}`,
  ]
  return [
    `# The nginx site of ${new URL(config.public.url).hostname}, as 'mattergate nginx' prints it for a configuration.`,
    '# Change the configuration and print it anew. Yours to set: ssl_certificate and ssl_certificate_key.',
    ...(config.listen.kind === 'socket'
      ? ["# nginx's user (www-data on Debian) must be in the group of the gateway's socket."]
      : []),
    ...(secretFile === null ? [] : secret),
    '',
  ]
}

/** What stands outside of any server. */
function shared(config: Config): string[] {
  return [
    'upstream mattergate {',
    `    server ${upstream(config)};`,
    '    keepalive 32;',
    '}',
    '',
    '# A websocket is the only upgrade that is handed on; without one the connection to the gateway is kept.',
    'map $http_upgrade $mattergate_upgrade {',
    '    default "";',
    '    ~*^websocket$ websocket;',
    '}',
    'map $http_upgrade $mattergate_connection {',
    '    default "";',
    '    ~*^websocket$ upgrade;',
    '}',
    '',
    '# Why nginx refused: its status and its verdict.',
    'map $ssl_client_verify $mattergate_refusal {',
    '    default "495 $ssl_client_verify";',
    '    NONE "496 NONE";',
    '}',
  ]
}

/** Everywhere is no address to connect to: nginx then asks this machine itself. */
const wildcards: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
])

function upstream(config: Config): string {
  const { listen } = config
  if (listen.kind === 'socket') return nginxWord(config, 'listen.socket', `unix:${listen.path}`)
  const host = wildcards.get(listen.host) ?? listen.host
  return nginxWord(config, 'listen.host', `${host.includes(':') ? `[${host}]` : host}:${listen.port}`)
}

function plainServer(config: Config): string[] {
  const { hostname, host } = new URL(config.public.url)
  return [
    'server {',
    '    listen 80;',
    '    # listen [::]:80;   # where the machine has IPv6',
    `    server_name ${hostname};`,
    `    return 301 https://${host}$request_uri;`,
    '}',
  ]
}
