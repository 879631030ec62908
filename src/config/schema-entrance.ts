import Type from 'typebox'
import { proxyHeaders } from './proxy-headers.js'
import { dependent, flag, group, header, integer, list, mode, nullable, path, text } from './schema-terms.js'

export const listen = group(
  {
    socket: nullable(path({ description: 'Path of the unix socket.' }), {
      description:
        'Unix socket to listen on; it stands for /run/mattergate/http.sock where neither it nor host and port are given.',
      examples: ['/run/mattergate/http.sock'],
    }),
    mode: mode({
      description: "The socket's file mode: its group is the one that nginx runs in.",
      default: '0660',
    }),
    host: nullable(text({ description: 'Address or host name.' }), {
      description: 'Address to listen on, in place of the socket; goes with port.',
      examples: ['127.0.0.1'],
    }),
    port: nullable(integer(0, 65_535, { description: 'TCP port; 0: any free one.' }), {
      description: 'TCP port to listen on (0: any free one); goes with host.',
      examples: [8066],
    }),
    tls: nullable(
      group(
        {
          certificate: path({ description: 'PEM file of the server certificate and its intermediates.' }),
          key: path({ description: 'PEM file of the private key; credential:NAME is allowed.' }),
        },
        {},
      ),
      {
        description:
          'The gateway ends TLS itself and asks for the client certificate: no nginx is needed, and proxy must not be named.',
        examples: [{ certificate: '/etc/mattergate/server.crt', key: '/etc/mattergate/server.key' }],
      },
    ),
    multilineHeader: flag({
      description:
        "Accept nginx's $ssl_client_cert as the Mattermost guide writes it; $ssl_client_escaped_cert needs no such thing. Not with tls.",
      default: false,
    }),
  },
  {
    title: 'Listener',
    description: 'Where the gateway listens: a unix socket, or host and port.',
    default: {},
  },
)

export const publicAddress = group(
  {
    url: text({
      description:
        'The address that people use, without a path. Origin, cookies and X-Forwarded-* follow it; it is compared with the SiteURL of Mattermost at start.',
      examples: ['https://chat.example.com'],
    }),
    origins: list(text({ description: 'An origin, such as https://app.example.com.' }), {
      description: 'Further origins that may open websockets and send unsafe methods.',
      default: [],
      examples: [['https://app.example.com']],
    }),
  },
  { title: 'Public address', description: 'The address that people use.' },
)

function ownNames(): string {
  const names = Object.entries(proxyHeaders).map(([form, { certificate }]) => `${form} ${certificate}`)
  return `where it is left out: ${names.join(', ')}.`
}

export const proxy = group(
  {
    trusted: list(text({ description: 'An address or an address range.' }), {
      description:
        'Who may connect at all; everyone else gets 403 peer_untrusted. A unix socket needs none, host and port must name them.',
      default: [],
      examples: [['127.0.0.1/32', '::1/128']],
    }),
    secretFile: nullable(path({ description: 'A file; credential:NAME is allowed.' }), {
      description:
        'File with the secret that nginx sends in X-Mattergate-Proxy-Secret; two lines while it is changed.',
      examples: ['/etc/mattergate/proxy-secret'],
    }),
    certificate: Type.Enum(
      ['nginx', 'rfc9440', 'envoy', 'traefik', 'aws-alb', 'cloudflare', 'azure', 'haproxy', 'apache'],
      {
        description:
          'The form in which the proxy hands over the certificate. Exactly this one is read; the headers of all others are dropped.',
        default: 'nginx',
      },
    ),
    certificateHeader: dependent(
      header({
        description: `The header that carries the certificate; ${ownNames()} Of rfc9440, haproxy and apache, intermediates are read from the same name with -Chain behind it.`,
        examples: ['X-SSL-Client-Cert'],
      }),
    ),
    subjectHeader: dependent(
      Type.Union([header({ description: 'A header name.' }), Type.Null()], {
        description:
          'The header that carries the subject DN: compared with the certificate when both are there, never trusted. null: not read. Where it is left out, nginx has X-SSL-Client-Cert-Subject-DN and the other forms none.',
        examples: ['X-SSL-Client-Cert-Subject-DN'],
      }),
    ),
    verifyHeader: nullable(header({ description: 'A header name.' }), {
      description:
        "The header that carries the proxy's own verdict, such as nginx's $ssl_client_verify: with a certificate, anything but SUCCESS (haproxy: 0, cloudflare: true) is refused. The shipped nginx site sets it.",
      examples: ['X-SSL-Client-Verify'],
    }),
  },
  { title: 'Proxy', description: 'The proxy in front, and what is believed of it.', default: {} },
)

const route = group(
  {
    path: text({
      description: 'A path as Mattermost sees it (percent-decoded), exact or ending in *.',
      examples: ['/hooks/*'],
    }),
    certificate: Type.Enum(['required', 'optional', 'none'], {
      description:
        'none: the certificate is not looked at and nothing is injected. optional: as none without a certificate, as required with one.',
      default: 'required',
    }),
    authorization: Type.Enum(['remove', 'pass'], {
      description:
        "pass: the client's own Authorization is left alone (bots) and nothing is injected beside it.",
      default: 'remove',
    }),
    websocket: flag({ description: 'Lets a websocket through on a none route.', default: false }),
  },
  {},
)

export const routes = list(route, {
  title: 'Routes',
  description: 'What is asked of a path; the first match wins, without one a certificate is required.',
  default: [],
  examples: [[{ path: '/hooks/*', certificate: 'none' }]],
})
