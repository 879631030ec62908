import Type from 'typebox'
import { duration, flag, group, integer, list, name, nullable, path, text } from './schema-terms.js'

const admin = group(
  {
    tokenFile: nullable(path({ description: 'A file.' }), {
      description:
        "File with an administrator's personal access token; credential:NAME of systemd is allowed.",
      examples: ['/etc/mattergate/admin-token'],
    }),
    socket: nullable(path({ description: 'A socket.' }), {
      description: "The unix socket of Mattermost's local mode, in place of the token.",
      examples: ['/var/tmp/mattermost_local.socket'],
    }),
  },
  {},
)

const oauth = group(
  {
    host: text({ description: 'Address of the listener that Mattermost calls.' }),
    port: integer(0, 65_535, { description: 'Its port.' }),
    clientId: text({ description: 'The id of GitLabSettings.' }),
    clientSecretFile: path({ description: 'File with the secret of GitLabSettings.' }),
    linkExisting: flag({
      description: 'Whether existing password accounts are switched over.',
      default: false,
    }),
  },
  {},
)

const server = group(
  {
    url: text({
      description: 'Where Mattermost listens: an http or https address without a path.',
      default: 'http://127.0.0.1:8065',
    }),
    signIn: Type.Enum(['access-token', 'oauth', 'password', 'none'], {
      description:
        'How a verified user gets a session. access-token: one personal access token per user. none: verify and forward, Mattermost shows its login page.',
      default: 'access-token',
    }),
    admin: nullable(admin, {
      description: 'The credential with which accounts are looked up and tokens made; access-token needs it.',
      examples: [{ tokenFile: '/etc/mattergate/admin-token' }],
    }),
    oauth: nullable(oauth, { description: 'Settings of the oauth sign-in.' }),
    directoryCache: duration({
      description:
        "How long an account's state is believed; users with open websockets are read again this often.",
      default: '60s',
    }),
  },
  {},
)

export const mattermost = Type.Union([server, Type.Null()], {
  title: 'Mattermost',
  description: 'The server behind; null in an application of your own without Mattermost.',
  examples: [{ url: 'http://127.0.0.1:8065', admin: { tokenFile: '/etc/mattergate/admin-token' } }],
})

export const control = nullable(
  group({ socket: path({ description: 'Path of the socket, mode 0600.' }) }, {}),
  {
    title: 'Control',
    description: 'The socket that the sessions and identities commands ask; absent: none.',
  },
)

export const stepUp = list(
  group(
    {
      path: text({ description: 'A path, exact or ending in *.' }),
      within: duration({ description: 'How fresh the certificate check must be.' }),
      policy: nullable(text({ description: 'A dotted OID.' }), {
        description: 'A certificate policy that is required there.',
      }),
      trust: nullable(text({ description: 'A name.' }), { description: 'The trust that is required there.' }),
    },
    {},
  ),
  { title: 'Step-up', description: 'Paths that ask for a fresh certificate check.', default: [] },
)

export const sessions = group(
  {
    store: Type.Enum(['embedded', 'redis'], {
      description: 'Where sessions and tokens are kept.',
      default: 'embedded',
    }),
    path: path({ description: 'Folder of the embedded store.', default: '/var/lib/mattergate' }),
    url: nullable(text({ description: 'A URL.' }), {
      description: 'Address of Redis.',
      examples: ['redis://127.0.0.1:6379'],
    }),
    keyFile: nullable(path({ description: 'A file; credential:NAME is allowed.' }), {
      description:
        'File with the key that seals the store: 32 random bytes as hex or base64 text (openssl rand -base64 32). null: PATH/key is made, mode 0600.',
      examples: ['/etc/mattergate/store-key'],
    }),
    idle: duration({ description: 'A session ends after so long without a request.', default: '12h' }),
    maxAge: duration({ description: 'A session ends after so long in any case.', default: '30d' }),
    instance: name({
      description: 'Tells the tokens of several installations on one Mattermost apart.',
      default: 'default',
    }),
  },
  { title: 'Sessions', description: 'What the gateway remembers, and where.', default: {} },
)
