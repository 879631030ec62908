import type { Config } from '../config/config.js'
import { locations } from './locations.js'
import { nginxWord, shellWord } from './words.js'

/** Where nginx reads the client CAs from when they stand in several files. */
const bundle = '/etc/nginx/mattergate-clients.pem'

/** The server that people reach: its certificate, the clients' certificates, and the way to the gateway. */
export function tlsServer(config: Config): string[] {
  const { hostname, port } = new URL(config.public.url)
  const publicPort = port === '' ? '443' : port
  return [
    'server {',
    `    listen ${publicPort} ssl http2;`,
    `    # listen [::]:${publicPort} ssl http2;   # where the machine has IPv6`,
    `    server_name ${hostname};`,
    '',
    `    ssl_certificate /etc/letsencrypt/live/${hostname}/fullchain.pem;`,
    `    ssl_certificate_key /etc/letsencrypt/live/${hostname}/privkey.pem;`,
    '    ssl_protocols TLSv1.2 TLSv1.3;',
    '    ssl_session_cache shared:mattergate:10m;',
    '    ssl_session_tickets off;',
    '    # Early data can be replayed, and comes before the client has proved to hold its key.',
    '    ssl_early_data off;',
    ...weakKeys(config),
    '',
    ...clientCertificates(config),
    '',
    ...transfer(config),
    '',
    ...locations(config),
    '}',
  ]
}

/** OpenSSL 3 refuses short keys at its default security level before any verdict of the gateway. */
function weakKeys({ trust }: Config): string[] {
  if (trust.every((entry) => entry.require.minRsaBits >= 2_048)) return []
  return ['    # A trust accepts RSA keys below 2048 bits.', '    ssl_ciphers DEFAULT:@SECLEVEL=1;']
}

function clientCertificates(config: Config): string[] {
  const files = config.trust.flatMap(({ ca, intermediates }) =>
    intermediates === null ? [ca] : [ca, intermediates],
  )
  const [first = '', ...others] = [...new Set(files)]
  // The gateway counts intermediates that are not self-issued; one more leaves the verdict to it.
  const depth = Math.max(...config.trust.map(({ require }) => require.maxPathLength)) + 1
  const sources = [first, ...others].map((file) => shellWord(config, 'trust', file)).join(' ')
  return [
    ...(others.length === 0
      ? [`    ssl_client_certificate ${nginxWord(config, 'trust', first)};`]
      : [
          '    # One file for nginx; make it anew whenever one of these changes, and reload nginx:',
          `    #   cat ${sources} > ${bundle}`,
          `    ssl_client_certificate ${bundle};`,
        ]),
    '    # Asked, not required: whoever has none gets a page that says so, and the routes without a certificate work.',
    '    ssl_verify_client optional;',
    `    ssl_verify_depth ${depth};`,
    '    error_page 495 496 = /.mattergate/refused;',
  ]
}

/** How requests and answers pass through. */
function transfer(config: Config): string[] {
  const { bodyBytes, headerBytes, certificateBytes } = config.limits
  const bodyMiB = Math.ceil(bodyBytes / 1_048_576) + 1
  const lineKiB = Math.max(1, Math.floor((headerBytes - certificateBytes) / 4 / 1_024))
  return [
    "    # A little above limits.bodyBytes: the gateway's own 413 is in the form that Mattermost's apps can show.",
    `    client_max_body_size ${bodyMiB}m;`,
    '    # With the certificate that is added to it, what passes here fits into limits.headerBytes.',
    `    large_client_header_buffers 4 ${lineKiB}k;`,
    '    underscores_in_headers off;',
    '',
    '    # Streamed both ways: an upload is judged before its body is sent, and nothing is spooled to disk.',
    '    proxy_request_buffering off;',
    '    proxy_buffers 256 16k;',
    '    proxy_buffer_size 16k;',
    '    proxy_max_temp_file_size 0;',
    '    proxy_http_version 1.1;',
    '    proxy_redirect off;',
  ]
}
