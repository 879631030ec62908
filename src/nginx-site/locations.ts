import type { Config } from '../config/config.js'

/** Where the operator puts the line that sends the proxy secret; the secret itself is never printed. */
export const secretInclude = '/etc/nginx/mattergate-proxy-secret.conf'

type Header = readonly [name: string, value: string]

/**
 * What the three locations say. In nginx a `proxy_set_header` in a location replaces all that would be
 * inherited, so each carries the full set.
 */
export function locations(config: Config): string[] {
  const { websocketIdleMs, upstreamAnswerMs } = config.timeouts
  const bearing = [...certificateHeaders(config), ...refusalHeader('""'), ...commonHeaders]
  return [
    '    # Somewhat longer than timeouts.websocketIdle: the gateway ends an idle websocket, with code and reason.',
    '    location ~ /api/v[0-9]+/(users/)?websocket$ {',
    ...forward(config, [...bearing, ...upgradeHeaders], websocketIdleMs),
    '    }',
    '',
    '    # Plugins have websockets below / too. Somewhat longer than timeouts.upstreamAnswer: the time-out is',
    "    # the gateway's to answer.",
    '    location / {',
    ...forward(config, [...bearing, ...upgradeHeaders], upstreamAnswerMs),
    '    }',
    '',
    '    # Where a certificate that nginx itself refused leads: the gateway says why, in its own words. The',
    '    # certificate stays behind, so that nobody can take it for one that was accepted.',
    '    location = /.mattergate/refused {',
    '        internal;',
    '        proxy_method GET;',
    '        proxy_pass_request_body off;',
    ...forward(config, refusedHeaders(config), upstreamAnswerMs),
    '    }',
  ]
}

function forward(config: Config, headers: readonly Header[], timeoutMs: number): string[] {
  const timeout = `${Math.ceil(timeoutMs / 1_000) + 30}s`
  return [
    ...headers.map(([name, value]) => `        proxy_set_header ${name} ${value};`),
    ...(config.proxy.secretFile === null ? [] : [`        include ${secretInclude};`]),
    `        proxy_read_timeout ${timeout};`,
    `        proxy_send_timeout ${timeout};`,
    '        proxy_pass http://mattergate;',
  ]
}

function certificateHeaders({ proxy, listen }: Config): Header[] {
  // In strict mode the escaped form, one line; the other is the Mattermost guide's.
  const certificate = listen.multilineHeader ? '$ssl_client_cert' : '$ssl_client_escaped_cert'
  return [
    [proxy.certificateHeader, certificate],
    ...named(proxy.subjectHeader, '$ssl_client_s_dn'),
    ...named(proxy.verifyHeader, '$ssl_client_verify'),
    ...foreignHeaders(proxy),
  ]
}

function refusedHeaders({ proxy }: Config): Header[] {
  return [
    [proxy.certificateHeader, '""'],
    ...named(proxy.subjectHeader, '""'),
    ...named(proxy.verifyHeader, '""'),
    ...foreignHeaders(proxy),
    ...refusalHeader('$mattergate_refusal'),
    ...commonHeaders,
    ['Content-Length', '""'],
    ['Upgrade', '""'],
    ['Connection', '""'],
  ]
}

function named(name: string | null, value: string): Header[] {
  return name === null ? [] : [[name, value]]
}

function refusalHeader(value: string): Header[] {
  return [['X-Mattergate-Proxy-Refusal', value]]
}

/** Names under which another proxy could speak. An empty value sends no such header: a client's own never arrives. */
function foreignHeaders({
  certificateHeader,
  subjectHeader,
  verifyHeader,
  secretFile,
}: Config['proxy']): Header[] {
  const own = [certificateHeader, subjectHeader, verifyHeader].map((name) => name?.toLowerCase())
  const foreign = [
    'Client-Cert',
    'Client-Cert-Chain',
    ...(secretFile === null ? ['X-Mattergate-Proxy-Secret'] : []),
  ]
  return foreign.filter((name) => !own.includes(name.toLowerCase())).map((name) => [name, '""'])
}

const commonHeaders: readonly Header[] = [
  ['Host', '$http_host'],
  ['X-Real-IP', '$remote_addr'],
  ['X-Forwarded-For', '$remote_addr'],
  ['X-Forwarded-Proto', '$scheme'],
  ['X-Forwarded-Host', '$http_host'],
]

const upgradeHeaders: readonly Header[] = [
  ['Upgrade', '$mattergate_upgrade'],
  ['Connection', '$mattergate_connection'],
]
