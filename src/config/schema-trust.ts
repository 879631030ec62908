import Type from 'typebox'
import { duration, flag, group, integer, list, name, nullable, path, text } from './schema-terms.js'

const require = group(
  {
    clientAuth: Type.Enum(['if-stated', 'always', 'never'], {
      description:
        'Whether the extended key usage must name clientAuth: where the leaf has that extension, always, or never.',
      default: 'if-stated',
    }),
    minRsaBits: integer(1_024, 4_096, {
      description: 'The shortest RSA key that is accepted, in bits.',
      default: 2_048,
    }),
    policies: list(text({ description: 'A certificate policy, as a dotted OID.' }), {
      description: 'The user-initial-policy-set; not empty means that an explicit policy is required.',
      default: [],
    }),
    maxPathLength: integer(0, 20, {
      description: 'How many intermediates that are not self-issued a path may have.',
      default: 5,
    }),
  },
  { title: 'Requirements', description: 'What a certificate must fulfil beyond a valid path.', default: {} },
)

const revocation = group(
  {
    mode: Type.Enum(['none', 'crl', 'ocsp', 'ocsp-then-crl'], {
      description: 'How revocation is looked up.',
      default: 'none',
    }),
    crl: list(text({ description: 'A file, a folder or a URL.' }), {
      description: 'Certificate revocation lists: files, folders, or http(s) URLs.',
      default: [],
    }),
    responder: nullable(text({ description: 'A URL.' }), {
      description: "OCSP responder in place of the certificate's own.",
    }),
    fetch: group(
      {
        allow: list(text({ description: 'A host name.' }), {
          description: 'Hosts that CRL and OCSP may be fetched from.',
          default: [],
        }),
        private: flag({
          description: 'Whether loopback, link-local and private addresses may be fetched from.',
          default: false,
        }),
      },
      { description: 'What may be fetched.', default: {} },
    ),
    whenUnknown: Type.Enum(['refuse', 'allow'], {
      description: 'What an unknown revocation status means.',
      default: 'refuse',
    }),
    grace: duration({ description: 'How long a lapsed CRL still counts.', default: '0s' }),
  },
  {
    title: 'Revocation',
    description: 'Whether certificates are looked up as revoked, and how.',
    default: {},
  },
)

const identityRule = group(
  {
    from: Type.Enum(['san.email', 'san.upn', 'subject.email', 'subject.cn', 'subject.dn', 'serial'], {
      description: 'Where in the certificate the value is read.',
    }),
    match: Type.Enum(['email', 'username'], {
      description: 'What of the Mattermost account it is matched with.',
    }),
    pattern: nullable(text({ description: 'A regular expression.' }), {
      description:
        'A regular expression with one capture group, matched against the whole value; the capture counts. What it does not match is no value.',
      examples: ['.*\\.(\\d{10})'],
    }),
  },
  {},
)

const identityDefault = [
  { from: 'san.email', match: 'email' },
  { from: 'subject.email', match: 'email' },
  { from: 'subject.cn', match: 'username' },
]

function allowedValues(what: string) {
  return Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: `Accepted values of ${what}.` }),
  )
}

const allowEntry = Type.Object(
  {
    'subject.cn': allowedValues('the common name'),
    'subject.ou': allowedValues('the organizational unit'),
    'subject.o': allowedValues('the organization'),
    'subject.c': allowedValues('the country'),
    'subject.l': allowedValues('the locality'),
    'subject.st': allowedValues('the state or province'),
    'subject.email': allowedValues('the e-mail address in the subject'),
    'subject.dc': allowedValues('the domain component'),
    'subject.uid': allowedValues('the user id'),
    'subject.serialNumber': allowedValues('the serialNumber attribute'),
    'san.email': allowedValues('the e-mail address in the subject alternative name'),
    'san.upn': allowedValues('the user principal name in the subject alternative name'),
  },
  // An entry without keys would hold for everybody.
  { additionalProperties: false, minProperties: 1 },
)

const provision = group(
  {
    usernameFrom: text({ description: 'Where the new username is read.' }),
    teams: list(text({ description: 'A team.' }), {
      description: 'Teams that the account joins.',
      default: [],
    }),
  },
  {},
)

const trustEntry = group(
  {
    name: name({
      description: 'The name of this trust, for the audit and the remembered identities.',
      examples: ['staff'],
    }),
    ca: path({ description: 'PEM bundle of trust anchors.', examples: ['/etc/mattergate/ca.crt'] }),
    intermediates: nullable(path({ description: 'A file.' }), {
      description: 'PEM bundle of intermediate certificates: nginx hands over the leaf only.',
      examples: ['/etc/mattergate/intermediates.crt'],
    }),
    require,
    revocation,
    identity: Type.Array(identityRule, {
      title: 'Identity',
      minItems: 1,
      description:
        'How the Mattermost account is named by the certificate: the first rule that yields a value decides.',
      default: identityDefault,
    }),
    allow: list(allowEntry, {
      description:
        'Who is let in: the entries are alternatives, the keys of an entry must all hold, the values of a key are alternatives. Empty: everybody.',
      default: [],
      examples: [[{ 'subject.ou': ['Smarttotem'], 'subject.o': ['Mattermost'] }]],
    }),
    provision: nullable(provision, { description: 'Create missing accounts.' }),
  },
  {},
)

export const trust = Type.Array(trustEntry, {
  title: 'Trust',
  minItems: 1,
  description:
    'Whose certificates are accepted, tried in this order; the first with a valid path decides, for good.',
  examples: [[{ name: 'staff', ca: '/etc/mattergate/ca.crt' }]],
})
