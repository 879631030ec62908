import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { t as tap, test } from 'tap'
import type { KeyOptions } from '../../src/pki/keys.js'
import { makePkcs12 } from '../../src/pki/pkcs12.js'
import type { SignatureOptions } from '../../src/pki/signing.js'
import { cachedKey, makeCa, makeGuideUser, makeUser } from '../support/certificates.js'

const folder = mkdtempSync(join(tmpdir(), 'mattergate-pki-'))

tap.teardown(() => rmSync(folder, { recursive: true }))

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content)
  return name
}

test('openssl verifies what is issued with every kind of key', async (t) => {
  const cases: [string, KeyOptions, SignatureOptions][] = [
    ['RSA', { kind: 'rsa', bits: 2048 }, {}],
    ['RSA with SHA-512', { kind: 'rsa', bits: 2048 }, { hash: 'sha512' }],
    ['RSA key with a PSS signature', { kind: 'rsa', bits: 2048 }, { pss: {} }],
    ['RSA-PSS key', { kind: 'rsa-pss', bits: 2048 }, { hash: 'sha384' }],
    ['P-256', { kind: 'ec', curve: 'P-256' }, {}],
    ['P-384', { kind: 'ec', curve: 'P-384' }, { hash: 'sha384' }],
    ['P-521', { kind: 'ec', curve: 'P-521' }, { hash: 'sha512' }],
    ['secp256k1', { kind: 'ec', curve: 'secp256k1' }, {}],
    ['Ed25519', { kind: 'ed25519' }, {}],
    ['Ed448', { kind: 'ed448' }, {}],
  ]
  for (const [title, keyOptions, signature] of cases) {
    const ca = await makeCa(`CA ${title}`, { key: await cachedKey(keyOptions), signature })
    const user = await makeUser(ca, { signature, upn: 'mmuser@example.com' })
    const answer = openssl(
      'verify',
      ...['-x509_strict', '-check_ss_sig', '-purpose', 'sslclient'],
      ...['-CAfile', file('ca.pem', ca.pem), file('user.pem', user.pem)],
    )
    t.match(answer, /user\.pem: OK/, title)
  }
})

test('the certificate of the guide has version 1 and no extensions', async (t) => {
  const user = await makeGuideUser(await makeCa('Guide CA'))
  const text = openssl('x509', '-in', file('guide.pem', user.pem), '-noout', '-text')
  t.match(text, /Version: 1 \(0x0\)/)
  t.notMatch(text, /X509v3/)
  t.equal(new X509Certificate(user.der).serialNumber, '01')
})

test('a serial number of its own is positive, of 20 octets, and new each time', async (t) => {
  const ca = await makeCa('Serial CA')
  const [first, second] = [await makeUser(ca), await makeUser(ca)]
  t.match(first.serial, /^[4-7][0-9a-f]{39}$/)
  t.not(first.serial, second.serial)
})

test('openssl opens the PKCS #12 file and finds the key, the certificate and the issuer in it', async (t) => {
  const ca = await makeCa('P12 CA')
  for (const kind of [
    { kind: 'rsa', bits: 2048 },
    { kind: 'ec', curve: 'P-256' },
    { kind: 'ed25519' },
  ] as const) {
    const user = await makeUser(ca, { key: await cachedKey(kind) })
    const pkcs12 = await makePkcs12({
      certificate: user.der,
      privateKey: user.privateKey,
      chain: [ca.der],
      password: 'mmuser-passphräse',
      friendlyName: 'mmuser',
    })
    const args = ['pkcs12', '-in', file('user.p12', pkcs12), '-nodes', '-passin', 'pass:mmuser-passphräse']
    const text = openssl(...args)
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g)
    t.strictSame(certificates, [user.pem, ca.pem], kind.kind)
    t.ok(text.includes(user.privateKeyPem), kind.kind)
    t.match(text, /friendlyName: mmuser/)
    t.throws(() => openssl(...args.slice(0, -1), 'pass:wrong'), 'a wrong password opens nothing')
  }
})

test('openssl names AES-256 and SHA-256 in the PKCS #12 file', async (t) => {
  const ca = await makeCa('P12 CA')
  const user = await makeUser(ca)
  const pkcs12 = await makePkcs12({
    certificate: user.der,
    privateKey: user.privateKey,
    password: 'secret',
    friendlyName: 'mmuser',
  })
  const args = ['pkcs12', '-in', file('info.p12', pkcs12), '-info', '-noout', '-passin', 'pass:secret']
  const info = execFileSync('sh', ['-c', 'openssl "$@" 2>&1', 'sh', ...args], {
    cwd: folder,
    encoding: 'utf8',
  })
  t.match(info, /MAC: sha256/)
  t.equal(info.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256/g)?.length, 2)
})

test('a certificate cannot be made with an unknown attribute type', async (t) => {
  await t.rejects(makeCa('x', { subject: [{ type: 'shoeSize', value: '44' }] }), TypeError)
})
