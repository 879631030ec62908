import Type from 'typebox'
import { duration, flag, group, integer, nullable, path, size, text } from './schema-terms.js'

export const denyList = nullable(path({ description: 'A file.' }), {
  title: 'Deny list',
  description: 'File of certificates and users that are refused, one a line.',
  examples: ['/etc/mattergate/deny.txt'],
})

const counted = 1_000_000

export const limits = group(
  {
    headerBytes: size({
      description: "A request's header block, the proxy's own headers included.",
      default: '64KiB',
    }),
    bodyBytes: size({ description: "A request's body.", default: '1GiB' }),
    connections: integer(1, counted, { description: 'Open connections.', default: 10_000 }),
    websockets: integer(1, counted, { description: 'Open websockets.', default: 8_000 }),
    certificateBytes: size({ description: 'The certificate as it stands in its header.', default: '16KiB' }),
    verifyConcurrency: integer(1, 1_024, {
      description: 'Certificates that are verified at the same time.',
      default: 4,
    }),
  },
  { title: 'Limits', description: 'How much is accepted.', default: {} },
)

export const timeouts = group(
  {
    header: duration({ description: 'Until a request header has come whole.', default: '15s' }),
    upstreamConnect: duration({ description: 'Until Mattermost takes a connection.', default: '5s' }),
    upstreamAnswer: duration({ description: 'Until Mattermost begins to answer.', default: '600s' }),
    websocketIdle: duration({
      description: 'A websocket on which nothing passed for so long is ended; Mattermost pings each 60 s.',
      default: '120s',
    }),
    clientIdle: duration({
      description:
        'A client that for so long neither sends the rest of its body nor reads on in its answer is cut off.',
      default: '60s',
    }),
    drain: duration({ description: 'How long a stop waits for what is under way.', default: '30s' }),
  },
  { title: 'Time-outs', description: 'How long is waited.', default: {} },
)

export const audit = group(
  {
    file: path({
      description: 'The audit log: a regular file, one JSON object a line.',
      default: '/var/log/mattergate/audit.jsonl',
    }),
    requests: Type.Enum(['all', 'sign-ins', 'refusals'], {
      description:
        'sign-ins: one event per session, every refusal and change of state. all: one for each request as well. refusals: without sign-ins.',
      default: 'all',
    }),
    chain: flag({ description: 'Each line holds the hash of the one before.', default: true }),
  },
  { title: 'Audit', description: 'What is written down.', default: {} },
)

export const metrics = nullable(
  group(
    {
      host: nullable(text({ description: 'An address.' }), {
        description: 'Address to listen on; goes with port.',
      }),
      port: nullable(integer(0, 65_535, { description: 'A port.' }), {
        description: 'TCP port; goes with host.',
      }),
      socket: nullable(path({ description: 'A socket.' }), {
        description: 'Unix socket in place of host and port.',
      }),
    },
    {},
  ),
  {
    title: 'Metrics',
    description: 'A listener of its own for /metrics, /healthz, /readyz and /status; absent: none.',
    examples: [{ host: '127.0.0.1', port: 9108 }],
  },
)

export const log = group(
  {
    level: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      description: 'The least severe lines that are written.',
      default: 'info',
    }),
    requests: flag({ description: 'A line with status and duration for each request.', default: false }),
  },
  { title: 'Log', description: 'What goes to standard output.', default: {} },
)
