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

async function facts(serial: string): Promise<CertificateFacts> {
  const described = describeCertificate((await makeUser(await makeCa('Test CA'), { serial })).der)
  if (!('sha256' in described)) throw new Error('the certificate cannot be read')
  return described
}

const nobody = { usernames: [], emails: [] }

test('names a certificate by serial number, hash or key, however the hexadecimal is written', async (t) => {
  const certificate = await facts('0A1B2C')
  const { sha256, spkiSha256 } = certificate
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
    t.equal(listOf(line).certificateRefusal(certificate)?.code, 'certificate_revoked', line)
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
    t.equal(listOf(line).certificateRefusal(certificate), null, line)
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
