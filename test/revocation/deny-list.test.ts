import { X509Certificate } from 'node:crypto'
import { test } from 'tap'
import { DenyList } from '../../src/revocation/deny-list/deny-list.js'
import { parseDenyList } from '../../src/revocation/deny-list/parse.js'
import { describeCertificate } from '../../src/x509/describe.js'
import type { CertificateFacts } from '../../src/x509/verified-certificate.js'
import { makeCa, makeUser } from '../support/certificates.js'

function listOf(...lines: string[]): DenyList {
  const { entries, issues } = parseDenyList(lines.join('\n'))
  if (entries === null) throw new Error(issues.map(({ line, message }) => `${line}: ${message}`).join())
  return new DenyList(entries)
}

async function certificateOf(serial: string): Promise<{ facts: CertificateFacts; der: Uint8Array }> {
  const { der } = await makeUser(await makeCa('Test CA'), { serial })
  return { facts: factsOf(der), der }
}

function factsOf(der: Uint8Array): CertificateFacts {
  const described = describeCertificate(der)
  if (!('sha256' in described)) throw new Error('the certificate cannot be read')
  return described
}

const nobody = { usernames: [], emails: [] }

test('names a certificate by serial number, hash or key, however the hexadecimal is written', async (t) => {
  const { facts, der } = await certificateOf('0A1B2C')
  const { sha256, spkiSha256 } = facts
  const colons = (hex: string) => hex.toUpperCase().replaceAll(/..(?=.)/g, '$&:')
  for (const line of [
    'serial:0A1B2C',
    'serial:a1b2c',
    'serial: 00:0a:1b:2c ',
    `sha256:${sha256}`,
    `sha256:${colons(sha256)}   # who`,
    `spki:${spkiSha256}`,
    `spki:${colons(spkiSha256)}`,
    'serial:a1b2c@CN=Test CA,O=Mattermost',
    'serial:a1b2c@cn=test  ca, o=MATTERMOST',
  ]) {
    t.equal(listOf(line).certificateRefusal(facts, der)?.code, 'certificate_revoked', line)
  }
  for (const line of [
    'serial:0A1B2D',
    'serial:a1b2c@CN=Other CA,O=Mattermost',
    `sha256:${spkiSha256}`,
    `spki:${sha256}`,
    'user:mmuser',
    '# serial:0A1B2C',
    '',
  ]) {
    t.equal(listOf(line).certificateRefusal(facts, der), null, line)
  }
})

test('names people by username, address or domain, folded', async (t) => {
  const alice = { usernames: ['alice'], emails: ['Alice@Example.com'] }
  for (const line of ['user:ALICE', 'email:alice@example.COM', 'domain:Example.com']) {
    t.equal(listOf(line).nameRefusal(alice)?.code, 'not_allowed', line)
  }
  for (const line of ['user:bob', 'email:bob@example.com', 'domain:ample.com', 'domain:mail.example.com']) {
    t.equal(listOf(line).nameRefusal(alice), null, line)
  }
  t.equal(listOf('user:alice', 'domain:example.com').nameRefusal(nobody), null)
})

test('a line that is not understood fails the list, and every such line is named', async (t) => {
  const bad = [
    'serial:xyz',
    'serial:',
    'serial:1@',
    'serial:1@not a name',
    'sha256:abcd',
    `sha256:${'0'.repeat(63)}`,
    'spki:',
    'user:',
    'user:a b',
    'email:alice',
    'domain:a@b',
    'domain:',
    'subject:CN=x',
    'alice',
    'SERIAL:1',
  ]
  const { entries, issues } = parseDenyList(['user:good', ...bad, '# fine'].join('\n'))
  t.equal(entries, null)
  t.strictSame(
    issues.map(({ line }) => line),
    bad.map((_line, at) => at + 2),
  )
})

const p256Order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** The same certificate with its signature (r, s) written as (r, n − s), which verifies as well. */
function withOtherSignature(der: Uint8Array): Uint8Array {
  const bytes = Buffer.from(der)
  // BIT STRING { 0, SEQUENCE { INTEGER r, INTEGER s } } ends the certificate.
  const start = bytes.lastIndexOf(Buffer.from([0x30]), bytes.length - 66)
  const rLength = bytes[start + 3] ?? 0
  const s = bytes.subarray(start + 6 + rLength)
  const other = p256Order - BigInt(`0x${s.toString('hex')}`)
  const hex = other.toString(16).padStart(64, '0')
  const value = Buffer.from(Number.parseInt(hex.slice(0, 2), 16) >= 0x80 ? `00${hex}` : hex, 'hex')
  const grown = value.length - s.length
  const rebuilt = Buffer.concat([
    bytes.subarray(0, bytes.length - s.length - 1),
    Buffer.from([value.length]),
    value,
  ])
  rebuilt[start + 1] = (rebuilt[start + 1] ?? 0) + grown
  rebuilt[start - 2] = (rebuilt[start - 2] ?? 0) + grown
  rebuilt.writeUInt16BE(rebuilt.readUInt16BE(2) + grown, 2)
  return rebuilt
}

test('a certificate is named by its hash whichever of its two ECDSA signatures it bears', async (t) => {
  const ca = await makeCa('Test CA')
  const { der } = await makeUser(ca)
  const other = withOtherSignature(der)
  const [facts, otherFacts] = [factsOf(der), factsOf(other)]
  t.not(facts.sha256, otherFacts.sha256)
  t.ok(new X509Certificate(other).verify(ca.publicKey), 'it is as good as the first')
  const list = listOf(`sha256:${facts.sha256}`)
  t.equal(list.certificateRefusal(otherFacts, other)?.code, 'certificate_revoked')
  t.equal(list.certificateRefusal(facts, der)?.code, 'certificate_revoked')
  t.equal(listOf(`sha256:${otherFacts.sha256}`).certificateRefusal(facts, der)?.code, 'certificate_revoked')
  const { facts: innocent, der: innocentDer } = await certificateOf('01')
  t.equal(list.certificateRefusal(innocent, innocentDer), null)
})
