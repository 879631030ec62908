import { execFileSync } from 'node:child_process'
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import {
  encode,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from '../../src/pki/der-writer.js'
import { basicConstraints, extendedKeyUsage, subjectAltName } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { DerError, readDer } from '../../src/x509/der.js'
import { describeCertificate } from '../../src/x509/describe.js'
import { extensionTypes } from '../../src/x509/object-identifiers.js'
import { makeCa, makeGuideUser, makeUser, name, replaced } from '../support/certificates.js'

const limits = { maxBytes: 1_000, maxDepth: 10, maxNodes: 50, maxOidBytes: 32 }
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

test('what is not DER is refused by the walk', (t) => {
  const cases: [string, string][] = [
    ['nothing', ''],
    ['a tag alone', '30'],
    ['a length that is not there', '30 82 01'],
    ['content that is not there', '30 03 02 01'],
    ['bytes after the end', '05 00 00'],
    ['an indefinite length', '30 80 05 00 00 00'],
    ['a long length for a short value', '30 81 02 05 00'],
    ['a length with a leading zero', `30 82 00 80 ${'05 00'.repeat(64)}`],
    ['a length of four octets', '30 84 00 00 00 02 05 00'],
    ['a child longer than its parent', '30 03 02 02 01 01'],
    ['a tag number above 30', '3f 1f 00'],
    ['an end of contents', '30 02 00 00'],
    ['a universal type that X.509 does not use', '09 01 00'],
    ['a constructed OCTET STRING', '24 02 04 00'],
    ['a primitive SEQUENCE', '10 00'],
    ['a BOOLEAN of another truth', '01 01 01'],
    ['a BOOLEAN of two octets', '01 02 ff ff'],
    ['an empty INTEGER', '02 00'],
    ['a padded INTEGER', '02 02 00 7f'],
    ['a padded negative INTEGER', '02 02 ff 80'],
    ['a NULL with content', '05 01 00'],
    ['a BIT STRING without its count', '03 00'],
    ['a BIT STRING with eight unused bits', '03 02 08 00'],
    ['an empty BIT STRING with unused bits', '03 01 01'],
    ['a BIT STRING whose unused bits are set', '03 02 01 81'],
    ['an empty OBJECT IDENTIFIER', '06 00'],
    ['an OBJECT IDENTIFIER that ends early', '06 02 2a 86'],
    ['a padded OBJECT IDENTIFIER', '06 03 2a 80 01'],
    ['an OBJECT IDENTIFIER beyond its bound', `06 21 ${'2a'.repeat(33)}`],
    ['a SET out of order', '31 06 02 01 02 02 01 01'],
    ['a SET with one value twice', '31 06 02 01 01 02 01 01'],
    ['nesting beyond its bound', '30 16 30 14 30 12 30 10 30 0e 30 0c 30 0a 30 08 30 06 30 04 30 02 30 00'],
    ['more values than allowed', `30 64 ${'05 00'.repeat(50)}`],
  ]
  for (const [title, encoding] of cases) t.throws(() => readDer(hex(encoding), limits), DerError, title)
  t.throws(() => readDer(new Uint8Array(1_001), limits), DerError, 'more bytes than allowed')
  t.end()
})

test('what is DER is walked, with its bytes at hand', (t) => {
  const value = readDer(hex('30 0a 02 01 05 31 05 01 01 ff 0c 00'), limits)
  t.equal(value.identifier, 0x30)
  t.strictSame(
    value.children.map((child) => Buffer.from(child.bytes).toString('hex')),
    ['020105', '31050101ff0c00'],
  )
  t.end()
})

test('serial numbers are written as openssl writes them', async (t) => {
  const ca = await makeCa('CA')
  const long = `4${'a'.repeat(39)}`
  for (const serial of ['00', '01', '7f', '0080', '00ff00', '010203', 'ff', '80', 'ff7f', '8000', long]) {
    const user = await makeGuideUser(ca, { serial })
    const printed = execFileSync('openssl', ['x509', '-noout', '-serial'], {
      input: user.pem,
      encoding: 'utf8',
    })
    t.equal(`serial=${describe(user).serial}`, printed.trim(), serial)
  }
})

function describe(certificate: { readonly der: Uint8Array }) {
  const facts = describeCertificate(certificate.der)
  if (facts instanceof Refusal) throw new Error(facts.detail)
  return facts
}

test('a description holds what openssl reads, and is only a description', async (t) => {
  const user = await makeUser(await makeCa('CA'))
  const facts = describe(user)
  const openssl = (...args: string[]) =>
    execFileSync('openssl', ['x509', '-noout', ...args], { input: user.pem, encoding: 'utf8' }).trim()
  const fingerprint = openssl('-fingerprint', '-sha256').replace(/^.*=/, '').replaceAll(':', '').toLowerCase()
  t.equal(facts.sha256, fingerprint)
  t.match(openssl('-dates', '-dateopt', 'iso_8601'), new Date(facts.notAfter).toISOString().slice(0, 10))
  const names = openssl('-subject', '-issuer', '-nameopt', 'RFC2253,utf8,-esc_msb')
  t.equal(names, `subject=${facts.subject}\nissuer=${facts.issuer}`)
  t.match(facts, {
    version: 3,
    key: 'P-256',
    signatureAlgorithm: 'ECDSA with SHA-256',
    keyUsage: ['digitalSignature'],
  })
  t.equal(describe(await makeGuideUser(await makeCa('CA'))).version, 1)
})

/** The certificate with one piece of its encoding changed for another of the same length. */
function forged(certificate: IssuedCertificate, from: Uint8Array, to: Uint8Array): string {
  const facts = describeCertificate(replaced(certificate.der, from, to))
  return facts instanceof Refusal ? facts.code : 'read'
}

test('what RFC 5280 does not allow in a certificate is malformed', async (t) => {
  const ca = await makeCa('CA')
  const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2055-01-01T00:00:00Z') }
  const user = await makeUser(ca, { ...validity, serial: '2345' })
  const ascii = (text: string) => Buffer.from(text, 'latin1')
  const cases: [string, Uint8Array, Uint8Array][] = [
    ['version 4', hex('a0 03 02 01 02'), hex('a0 03 02 01 03')],
    ['version 1 written out', hex('a0 03 02 01 02'), hex('a0 03 02 01 00')],
    ['version 2 with extensions', hex('a0 03 02 01 02'), hex('a0 03 02 01 01')],
    [
      'the two signature algorithms differ',
      hex('2345 300a 06082a8648ce3d040302'),
      hex('2345 300a 06082a8648ce3d040303'),
    ],
    ['a UTCTime without Zulu', ascii('260101000000Z'), ascii('260101000000z')],
    ['a UTCTime with an offset', ascii('260101000000Z'), ascii('2601010000+00')],
    ['a month that is none', ascii('260101000000Z'), ascii('261301000000Z')],
    ['a day that is none', ascii('260101000000Z'), ascii('260230000000Z')],
    ['hour 24', ascii('260101000000Z'), ascii('260101240000Z')],
    ['a leap second', ascii('260101000000Z'), ascii('260101000060Z')],
    ['a fraction of a second', ascii('20550101000000Z'), ascii('205501010000.0Z')],
    ['a UTF8String that is not UTF-8', ascii('mmuser'), hex('6d6d757365ff')],
    ['a critical flag of FALSE', hex('0603551d0f 0101ff'), hex('0603551d0f 010100')],
    ['a point off its curve', hex('03420004'), hex('03420005')],
  ]
  for (const [title, from, to] of cases) t.equal(forged(user, from, to), 'certificate_malformed', title)
})

test('extension values that say more, less or something else are malformed', async (t) => {
  const ca = await makeCa('CA')
  const raw = (type: string, value: Uint8Array) => ({ type, critical: false, value })
  const { keyUsage, extendedKeyUsage: eku, subjectAltName: san, basicConstraints: bc } = extensionTypes
  const cases = [
    ['no key usage at all', raw(keyUsage, namedBits([]))],
    ['a key usage of another type', raw(keyUsage, octetString(hex('80')))],
    ['no purpose at all', extendedKeyUsage([])],
    ['a purpose of another type', raw(eku, sequence(integer(1)))],
    ['no alternative name at all', subjectAltName([])],
    ['an alternative name of no known form', raw(san, sequence(encode(0x89, hex('00'))))],
    ['an e-mail address beyond ASCII', raw(san, sequence(encode(0x81, Buffer.from('zoé@x.y', 'utf8'))))],
    ['an IP address of five octets', subjectAltName([{ ip: Uint8Array.of(1, 2, 3, 4, 5) }])],
    ['an otherName without a value', raw(san, sequence(encode(0xa0, objectIdentifier('1.2.3'))))],
    ['a negative path length', raw(bc, sequence(encode(0x01, hex('ff')), integer('ff')))],
    [
      'basic constraints with a third field',
      raw(bc, sequence(encode(0x01, hex('ff')), integer(0), integer(0))),
    ],
    ['basic constraints with a default written out', raw(bc, sequence(encode(0x01, hex('00'))))],
    [
      'bytes after the value',
      raw(bc, Buffer.concat([basicConstraints({ authority: true }).value, hex('0500')])),
    ],
    [
      'the same policy twice',
      raw('2.5.29.32', sequence(sequence(objectIdentifier('1.2.3')), sequence(objectIdentifier('1.2.3')))),
    ],
  ] as const
  for (const [title, extension] of cases) {
    const facts = describeCertificate((await makeUser(ca, { extensions: [extension] })).der)
    t.match(facts, { code: 'certificate_malformed' }, title)
  }
})

test('names: strings of every type are decoded, what is no string stands as hexadecimal', async (t) => {
  const ca = await makeCa('CA')
  const values = [
    ['UTF8String', 'Zoë 🗝'],
    ['BMPString', 'Zoë Ж'],
    ['UniversalString', 'Zoë 🗝'],
    ['TeletexString', 'Zoë'],
    ['PrintableString', 'Zoe & Co'],
    ['IA5String', 'zoe@example.com'],
  ] as const
  for (const [encoding, value] of values) {
    const user = await makeUser(ca, { subject: [{ type: 'CN', value, encoding }] })
    t.strictSame(describe(user).subjectName, [[{ type: '2.5.4.3', value, encoding }]])
  }
  const subject = sequence(setOf(sequence(objectIdentifier('2.5.4.3'), integer(5))))
  t.strictSame(describe(await makeUser(ca, { subject })).subjectName, [
    [{ type: '2.5.4.3', value: '#020105', encoding: 'unknown' }],
  ])
  for (const bad of [
    '1e 03 004100',
    '1e 02 d800',
    '1c 04 00110000',
    '1c 03 000041',
    '13 01 e9',
    '16 01 e9',
    '0c 02 c080',
  ]) {
    const broken = sequence(setOf(sequence(objectIdentifier('2.5.4.3'), hex(bad))))
    const facts = describeCertificate((await makeUser(ca, { subject: broken })).der)
    t.match(facts, { code: 'certificate_malformed' }, bad)
  }
})

test('a certificate with two extensions of one type is malformed', async (t) => {
  const extension = { type: '1.2.3.4.5', critical: false, value: hex('0500') }
  const user = await makeUser(await makeCa('CA'), { extensions: [extension, extension] })
  t.match(describeCertificate(user.der), { code: 'certificate_malformed' })
})

test('a certificate above 16 KiB is refused unread', async (t) => {
  const user = await makeUser(await makeCa('CA'), { subject: name({ CN: 'x'.repeat(16_384) }) })
  t.match(describeCertificate(user.der), { code: 'certificate_malformed' })
})

test('an object identifier with an arc of 128 bits is read', async (t) => {
  const type = '2.25.340282366920938463463374607431768211455'
  const user = await makeUser(await makeCa('CA'), { subject: [{ type, value: 'x' }] })
  t.equal(describe(user).subjectName[0]?.[0]?.type, type)
})
