import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import type { NameOptions } from '../../src/pki/name.js'
import { describeCertificate } from '../../src/x509/describe.js'
import { matchesDistinguishedName } from '../../src/x509/distinguished-name.js'
import { formatDistinguishedName } from '../../src/x509/distinguished-name-text.js'
import type { CertificateFacts, NameAttribute } from '../../src/x509/verified-certificate.js'
import { makeCa, makeGuideUser, name } from '../support/certificates.js'

const guide = name({ C: 'US', ST: 'Maryland', O: 'Mattermost', OU: 'Smarttotem', CN: 'mmuser' })
const names: NameOptions[] = [
  [...guide, { type: 'emailAddress', value: 'mmuser@mattermost.com' }],
  [],
  name({ O: 'Acme, Inc. + "x" <y>; \\z', OU: '#lead', CN: ' both ends ' }),
  name({ CN: ' ' }),
  name({ O: 'Zoë 🗝', CN: 'x,CN=admin' }),
  name({ CN: 'x/emailAddress=admin@mattermost.com' }),
  name({ CN: 'line\nfeed\0null\u007fdelete' }),
  [
    [
      { type: 'CN', value: 'mmuser' },
      { type: 'UID', value: '42' },
    ],
    { type: 'OU', value: 'b' },
    { type: 'OU', value: 'a' },
  ],
  [
    { type: '1.2.3.4.5', value: 'unknown type' },
    { type: 'serialNumber', value: '7' },
    { type: 'SN', value: 'Doe' },
  ],
  [
    { type: 'CN', value: 'Zoë', encoding: 'BMPString' },
    { type: 'O', value: 'Zoë', encoding: 'TeletexString' },
  ],
]

async function factsOf(subject: NameOptions): Promise<{ facts: CertificateFacts; pem: string }> {
  const user = await makeGuideUser(await makeCa('CA'), { subject })
  const facts = describeCertificate(user.der)
  if (facts instanceof Refusal) throw new Error(facts.detail)
  return { facts, pem: user.pem }
}

function opensslSubject(pem: string, options: string): string {
  const args = ['x509', '-noout', '-subject', '-nameopt', options]
  return execFileSync('openssl', args, { input: pem, encoding: 'utf8' })
    .replace(/^subject=/, '')
    .replace(/\n$/, '')
}

test('the subject as openssl prints it, and so nginx, matches in each of its forms', async (t) => {
  for (const subject of names) {
    const { facts, pem } = await factsOf(subject)
    for (const options of [
      'RFC2253',
      'RFC2253,-esc_msb,utf8',
      'RFC2253,sep_comma_plus_space',
      'compat',
      'RFC2253,oid',
    ]) {
      const text = opensslSubject(pem, options)
      // OpenSSL writes an empty name of the compat form as nothing.
      t.ok(matchesDistinguishedName(facts, text), `${options}: ${text}`)
      for (const other of names.filter((candidate) => candidate !== subject)) {
        t.notOk(matchesDistinguishedName((await cachedFacts(other)).facts, text), `another subject: ${text}`)
      }
    }
  }
})

const known = new Map<NameOptions, ReturnType<typeof factsOf>>()
function cachedFacts(subject: NameOptions): ReturnType<typeof factsOf> {
  const found = known.get(subject) ?? factsOf(subject)
  known.set(subject, found)
  return found
}

test('the text of a name is that of openssl', async (t) => {
  for (const subject of names) {
    const { facts, pem } = await factsOf(subject)
    t.equal(facts.subject, opensslSubject(pem, 'RFC2253,utf8,-esc_msb'))
  }
})

test('the text of a name is one harmless line', async (t) => {
  const { facts } = await factsOf(name({ CN: 'a\r\nb\u001b[31m\u2028\u202e\u200b' }))
  t.equal(facts.subject, 'CN=a\\0D\\0Ab\\1B[31m\\E2\\80\\A8\\E2\\80\\AE\\E2\\80\\8B')
})

const mmuser = [
  [{ type: '2.5.4.6', value: 'US', encoding: 'PrintableString' }],
  [{ type: '2.5.4.10', value: 'Acme, Inc.', encoding: 'UTF8String' }],
  [
    { type: '2.5.4.3', value: 'Zoë', encoding: 'UTF8String' },
    { type: '1.2.840.113549.1.9.1', value: 'z@x.y', encoding: 'IA5String' },
  ],
]

test('what RFC 4514 and its predecessors allow is read', (t) => {
  const same = [
    'CN=Zoë+emailAddress=z@x.y,O=Acme\\, Inc.,C=US',
    'emailAddress=z@x.y+CN=Zoë,O=Acme\\, Inc.,C=US',
    'cn=Zo\\C3\\AB + EMAILADDRESS=z@x.y , o = Acme\\2C Inc. , c=US',
    'CN=Zo\\c3\\ab+E=z@x.y;O="Acme, Inc.";C=US',
    '2.5.4.3=Zoë+1.2.840.113549.1.9.1=z@x.y,OID.2.5.4.10=Acme\\, Inc.,2.5.4.6=US',
    'CN=#0C045A6FC3AB+emailAddress=#16057A40782E79,O=Acme\\, Inc.,C=US',
    Buffer.from('CN=Zoë+emailAddress=z@x.y,O=Acme\\, Inc.,C=US', 'utf8').toString('latin1'),
  ]
  for (const text of same) t.ok(matchesDistinguishedName({ subjectName: mmuser }, text), text)
  t.end()
})

test('a space that HTTP took from the end of the header is not missed', (t) => {
  const subjectName = [[{ type: '2.5.4.10', value: 'Acme ', encoding: 'UTF8String' }]]
  for (const text of ['O=Acme\\ ', 'O=Acme\\', '/O=Acme ', '/O=Acme']) {
    t.ok(matchesDistinguishedName({ subjectName }, text), text)
  }
  t.notOk(matchesDistinguishedName({ subjectName }, 'O=Acme'))
  t.end()
})

test('what is another name, or none, does not match', (t) => {
  const different = [
    '',
    'CN=Zoë',
    'C=US,O=Acme\\, Inc.,CN=Zoë+emailAddress=z@x.y',
    'CN=zoë+emailAddress=z@x.y,O=Acme\\, Inc.,C=US',
    'CN=Zoë,emailAddress=z@x.y,O=Acme\\, Inc.,C=US',
    'CN=Zoë+CN=Zoë,O=Acme\\, Inc.,C=US',
    'CN=Zoë+emailAddress=z@x.y,O=Acme, Inc.,C=US',
    'CN=Zoë+emailAddress=z@x.y,O=Acme\\, Inc.,C=US,',
    'CN=Zoë+emailAddress=z@x.y,O=Acme\\, Inc.,C=US\\',
    'CN=Zo\\C3+emailAddress=z@x.y,O=Acme\\, Inc.,C=US',
    'CN=Zoë+emailAddress=z@x.y,O="Acme, Inc.,C=US',
    'CN=Zoë+emailAddress=z@x.y,O=Acme\\, Inc.,shoeSize=US',
    '/C=US/O=Acme, Inc./CN=Zoë/emailAddress=z@x.y',
  ]
  for (const text of different) t.notOk(matchesDistinguishedName({ subjectName: mmuser }, text), text)
  t.ok(
    matchesDistinguishedName(
      { subjectName: mmuser },
      '/C=US/O=Acme, Inc./CN=Zo\\xC3\\xAB/emailAddress=z@x.y',
    ),
  )
  t.ok(
    matchesDistinguishedName(
      { subjectName: mmuser },
      '/C=US/O=Acme, Inc./CN=Zo\\xC3\\xAB+emailAddress=z@x.y',
    ),
  )
  t.end()
})

test('every name matches its own text, and no other name does', (t) => {
  const attribute = fc.record({
    type: fc.constantFrom('2.5.4.3', '2.5.4.10', '1.2.840.113549.1.9.1', '1.2.3.4'),
    value: fc.string({ unit: 'grapheme', maxLength: 12 }),
    encoding: fc.constant('UTF8String'),
  })
  const rdns = fc.array(fc.array(attribute, { minLength: 1, maxLength: 3 }), { maxLength: 4 })
  const key = (name: NameAttribute[][]) =>
    JSON.stringify(name.map((rdn) => rdn.map(({ type, value }) => JSON.stringify([type, value])).toSorted()))
  fc.assert(
    fc.property(rdns, rdns, (one, other) => {
      const text = formatDistinguishedName(one)
      const itself = matchesDistinguishedName({ subjectName: one }, text)
      const another = matchesDistinguishedName({ subjectName: other }, text)
      return itself && another === (key(one) === key(other))
    }),
    { numRuns: 500 },
  )
  t.pass()
  t.end()
})
