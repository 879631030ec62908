import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { isAllowed } from '../../src/identity/allow.js'
import { type IdentifiedCertificate, type IdentityRule, identify } from '../../src/identity/rules.js'
import { subjectAltName } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import type { NameAttributeOptions } from '../../src/pki/name.js'
import { readPemBundle } from '../../src/x509/pem.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { Verifier } from '../../src/x509/verifier.js'
import { makeCa, makeUser, testTimeMs, type UserOptions } from '../support/certificates.js'

const require = {
  clientAuth: 'if-stated',
  minRsaBits: 2048,
  maxPathLength: null,
  policies: anyPolicies,
} as const

/** Made by the verifier itself: the only way to a verified certificate. */
async function certificateOf(options: UserOptions): Promise<IdentifiedCertificate> {
  const ca: IssuedCertificate = await makeCa('Test CA')
  const user = await makeUser(ca, options)
  const anchors = { file: 'ca.crt', text: ca.pem }
  const store = createTrustStore([{ name: 'staff', anchors, intermediates: null, require }])
  const [leaf] = readPemBundle(user.pem)
  if (leaf === undefined) throw new Error('no certificate')
  const verified = await new Verifier(store).verify(leaf, [], testTimeMs)
  if (verified instanceof Refusal) throw new Error(`${verified.code}: ${verified.detail ?? ''}`)
  return verified
}

function subject(
  ...attributes: (NameAttributeOptions | NameAttributeOptions[])[]
): Promise<IdentifiedCertificate> {
  return certificateOf({ subject: attributes, email: null })
}

const email: IdentityRule = { from: 'subject.email', match: 'email', pattern: null }
const sanEmail: IdentityRule = { from: 'san.email', match: 'email', pattern: null }
const upn: IdentityRule = { from: 'san.upn', match: 'email', pattern: null }
const commonName: IdentityRule = { from: 'subject.cn', match: 'username', pattern: null }

async function outcome(rules: IdentityRule[], certificate: Promise<IdentifiedCertificate>): Promise<string> {
  const identity = identify(rules, await certificate)
  return identity instanceof Refusal ? identity.code : `${identity.rule}=${identity.value}`
}

const cn = (value: string, encoding: NameAttributeOptions['encoding'] = 'UTF8String') => ({
  type: 'CN',
  value,
  encoding,
})
const mail = (value: string, encoding: NameAttributeOptions['encoding'] = 'IA5String') => ({
  type: 'emailAddress',
  value,
  encoding,
})

test('each place of a certificate can name its user', async (t) => {
  const user = certificateOf({ upn: 'MMuser@Mattermost.COM', serial: '1234567890abcdef' })
  t.equal(await outcome([sanEmail], user), 'san.email=mmuser@mattermost.com')
  t.equal(await outcome([email], user), 'subject.email=mmuser@mattermost.com')
  t.equal(await outcome([commonName], user), 'subject.cn=mmuser')
  t.equal(await outcome([upn], user), 'san.upn=mmuser@mattermost.com')
  const serial: IdentityRule = { from: 'serial', match: 'username', pattern: null }
  t.equal(await outcome([serial], user), 'serial=1234567890abcdef')
  const dn: IdentityRule = { from: 'subject.dn', match: 'username', pattern: /^(?:.*CN=(\w+).*)$/u }
  t.equal(await outcome([dn], user), 'subject.dn=mmuser')
})

test('the first rule that yields a value decides; later ones are not asked', async (t) => {
  const user = certificateOf({ commonName: 'other', email: 'mmuser@mattermost.com' })
  t.equal(await outcome([commonName, email], user), 'subject.cn=other')
  t.equal(await outcome([upn, email], user), 'subject.email=mmuser@mattermost.com')
  t.equal(await outcome([upn], user), 'identity_absent')
  t.equal(await outcome([], user), 'identity_absent')
})

test("a CAC's number is taken out by a pattern; what the pattern does not match is no value", async (t) => {
  const edipi: IdentityRule = { from: 'subject.cn', match: 'username', pattern: /^(?:.*\.(\d{10}))$/u }
  t.equal(await outcome([edipi], subject(cn('DOE.JOHN.A.1234567890'))), 'subject.cn=1234567890')
  t.equal(await outcome([edipi], subject(cn('DOE.JOHN.A.12345678901'))), 'identity_absent')
  t.equal(await outcome([edipi, email], subject(cn('x'), mail('a@b.c'))), 'subject.email=a@b.c')
})

test('two different values are ambiguous, in one RDN or in several; the same value twice is one', async (t) => {
  t.equal(await outcome([commonName], subject(cn('alice'), cn('bob'))), 'identity_ambiguous')
  t.equal(await outcome([commonName], subject([cn('alice'), cn('bob')])), 'identity_ambiguous')
  t.equal(await outcome([commonName], subject(cn('Alice'), cn('alice'))), 'subject.cn=alice')
  t.equal(await outcome([email], subject(mail('a@b.c'), mail('d@b.c'))), 'identity_ambiguous')
  t.equal(await outcome([commonName, email], subject(cn('a'), cn('b'), mail('a@b.c'))), 'identity_ambiguous')
})

test('names are read from ASN.1: text that looks like more attributes is one value, and refused', async (t) => {
  const evil = [
    'x,CN=admin',
    'x/emailAddress=admin@x.y',
    'x+CN=admin',
    'x\nCN=admin',
    'admin\0x',
    'CN=admin',
    'a b',
  ]
  for (const value of evil) t.equal(await outcome([commonName], subject(cn(value))), 'identity_absent', value)
  for (const value of [
    'a@b@c.d',
    'admin@x.y\0z',
    'a @b.c',
    'a@b.c>',
    '"a"@b.c',
    'a@b.c%2f',
    '../a@b.c',
    '@b.c',
    'a@',
  ]) {
    t.equal(await outcome([email], subject(mail(value))), 'identity_absent', value)
  }
})

test('an unusable value is refused at once, without asking later rules', async (t) => {
  t.equal(await outcome([commonName, email], subject(cn('J\u00f6rg'), mail('a@b.c'))), 'identity_absent')
  t.equal(await outcome([commonName, email], subject(cn('x'.repeat(65)), mail('a@b.c'))), 'identity_absent')
  t.equal(await outcome([commonName, email], subject(cn('..'), mail('a@b.c'))), 'identity_absent')
  t.equal(await outcome([commonName, email], subject(cn('.'), mail('a@b.c'))), 'identity_absent')
  t.equal(await outcome([email], subject(mail(`${'a'.repeat(125)}@b.c`))), 'identity_absent')
})

test('look-alikes are no look-alikes: only A–Z are folded', async (t) => {
  for (const value of ['\u0430dmin', 'admin\u200b', '\uff41dmin', 'ADM\u0130N', '\u212aarl']) {
    t.equal(await outcome([commonName], subject(cn(value))), 'identity_absent', value)
  }
  t.equal(await outcome([email], subject(mail('ADMIN@Example.COM'))), 'subject.email=admin@example.com')
})

test('a value in a string type that the field does not allow is refused', async (t) => {
  t.equal(await outcome([commonName], subject(cn('alice', 'PrintableString'))), 'subject.cn=alice')
  t.equal(await outcome([commonName], subject(cn('alice', 'BMPString'))), 'identity_absent')
  t.equal(await outcome([commonName], subject(cn('alice', 'TeletexString'))), 'identity_absent')
  const unasked = [email, commonName]
  for (const encoding of ['UTF8String', 'PrintableString', 'BMPString'] as const) {
    t.equal(
      await outcome(unasked, subject(cn('alice'), mail('a@b.c', encoding))),
      'identity_absent',
      encoding,
    )
  }
  const names = (encoding: NameAttributeOptions['encoding']) =>
    certificateOf({
      email: null,
      extensions: [subjectAltName([{ upn: 'a@b.c', ...(encoding === undefined ? {} : { encoding }) }])],
    })
  t.equal(await outcome([upn, commonName], names('UTF8String')), 'san.upn=a@b.c')
  t.equal(await outcome([upn, commonName], names('IA5String')), 'identity_absent')
  t.equal(await outcome([upn, commonName], names('BMPString')), 'identity_absent')
})

test('two names in the extension are as ambiguous as two in the subject', async (t) => {
  const names = (...addresses: string[]) =>
    certificateOf({
      email: null,
      extensions: [subjectAltName(addresses.map((address) => ({ email: address })))],
    })
  t.equal(await outcome([sanEmail], names('a@b.c', 'd@b.c')), 'identity_ambiguous')
  t.equal(await outcome([sanEmail], names('a@b.c', 'A@B.C')), 'san.email=a@b.c')
  t.equal(await outcome([sanEmail, commonName], names('a@b.c', 'not an address')), 'identity_absent')
})

test('a value is judged whole: past 256 characters no pattern makes it shorter', async (t) => {
  const last: IdentityRule = { from: 'subject.dn', match: 'username', pattern: /^(?:.*CN=(\w+))$/u }
  const long = (length: number) =>
    identify([last, commonName], {
      trust: 'staff',
      facts: { ...bare.facts, subject: `O=${'x'.repeat(length - 9)},CN=bob` },
    })
  const bare = await subject(cn('alice'))
  t.match(long(256), { rule: 'subject.dn', value: 'bob' })
  t.match(long(257), { code: 'identity_absent' })
})

test('an e-mail address in a URI is not read as one', async (t) => {
  const extensions = [subjectAltName([{ uri: 'mailto:admin@mattermost.com' }])]
  t.equal(await outcome([sanEmail], certificateOf({ extensions, email: null })), 'identity_absent')
})

test('allow: entries are alternatives, the keys of an entry must all hold, values are alternatives', async (t) => {
  const user = await certificateOf({})
  t.ok(isAllowed([], user))
  t.ok(isAllowed([{ 'subject.ou': ['smarttotem'], 'subject.o': ['Mattermost'] }], user))
  t.ok(isAllowed([{ 'subject.ou': ['Other', 'Smarttotem'] }], user))
  t.ok(isAllowed([{ 'subject.o': ['Other'] }, { 'subject.c': ['US'] }], user))
  t.ok(isAllowed([{ 'subject.email': ['mmuser@mattermost.com'] }], user))
  t.notOk(isAllowed([{ 'subject.ou': ['Smarttotem'], 'subject.o': ['Other'] }], user))
  t.notOk(isAllowed([{ 'subject.ou': ['Smart'] }], user))
  t.notOk(isAllowed([{ 'subject.l': ['Meade'] }], user))
  t.notOk(isAllowed([{}], user))
  t.notOk(isAllowed([{ 'subject.o': [] }], user))
})

test('allow: each key reads its own attribute, and any of several values of it fits', async (t) => {
  const attributes = { ST: 'Bavaria', L: 'Munich', UID: 'u1', serialNumber: '42', CN: 'alice', C: 'DE' }
  const user = await subject(
    ...Object.entries(attributes).map(([type, value]) => ({ type, value })),
    { type: 'DC', value: 'org' },
    { type: 'DC', value: 'example' },
  )
  const fitting = {
    'subject.st': 'bavaria',
    'subject.l': 'Munich',
    'subject.uid': 'U1',
    'subject.serialNumber': '42',
    'subject.cn': 'Alice',
    'subject.c': 'de',
    'subject.dc': 'example',
  }
  for (const [key, value] of Object.entries(fitting)) {
    t.ok(isAllowed([{ [key]: [value] }], user), key)
    t.notOk(isAllowed([{ [key]: [`${value}x`] }], user), key)
    t.notOk(isAllowed([{ [key]: [value], 'subject.ou': ['any'] }], user), key)
  }
  const abroad = await subject({ type: 'O', value: '\u00c9cole' })
  t.ok(isAllowed([{ 'subject.o': ['\u00c9COLE'] }], abroad))
  t.notOk(isAllowed([{ 'subject.o': ['\u00e9cole'] }], abroad), 'only A–Z are folded')
  const named = await certificateOf({ upn: 'a@b.c' })
  t.ok(isAllowed([{ 'san.email': ['MMUSER@mattermost.com'], 'san.upn': ['A@b.c'] }], named))
})
