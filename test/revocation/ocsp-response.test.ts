// RFC 6960 §3.2 and §4.2, each rule with a twin that passes; what `openssl ocsp` says of the same response stands
// beside it. Responses are made and signed here, around this very moment, as openssl knows no other.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { nullValue } from '../../src/pki/der-writer.js'
import { extendedKeyUsage, keyUsage } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { statusIn } from '../../src/revocation/ocsp/status-in.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { cachedKey, makeCa, makeUser, tampered } from '../support/certificates.js'
import {
  failureAnswer,
  makeResponse,
  parsed,
  type ResponseOptions,
  type SingleOptions,
} from '../support/ocsp-response.js'

const atMs = Math.floor(Date.now() / 1000) * 1000
const [minuteMs, dayMs] = [60_000, 86_400_000]
const ocspSigning = '1.3.6.1.5.5.7.3.9'
const noCheck = { type: '1.3.6.1.5.5.7.48.1.5', critical: false, value: nullValue() }
const strange = { type: '1.3.6.1.4.1.55555.1', value: nullValue() }

const ca = await makeCa('OCSP CA')
const twin = await makeCa('OCSP CA')
const alice = await makeUser(ca)
const bob = await makeUser(ca)
const nonce = Buffer.alloc(32, 0xab)
const require = {
  clientAuth: 'if-stated',
  minRsaBits: 2048,
  maxPathLength: null,
  policies: anyPolicies,
} as const

type Kind = 'good' | 'revoked' | 'unknown'

function delegate(options: Parameters<typeof makeUser>[1] = {}, issuer = ca): Promise<IssuedCertificate> {
  const extensions = [keyUsage(['digitalSignature']), extendedKeyUsage([ocspSigning]), noCheck]
  return makeUser(issuer, { commonName: 'responder', email: null, extensions, ...options })
}

function response(options: Partial<ResponseOptions> & { readonly single?: Partial<SingleOptions> } = {}) {
  const { single = {}, ...more } = options
  return makeResponse({ atMs, signer: ca, singles: [{ of: alice, issuer: ca, ...single }], ...more })
}

async function delegated(by: IssuedCertificate, options: Partial<ResponseOptions> = {}): Promise<Uint8Array> {
  return response({ signer: by, certificates: [by], ...options })
}

function ask(der: Uint8Array, sent: string | null = null, minRsaBits = 2048) {
  const trust = { name: 't', anchors: [parsed(ca)], intermediates: [], require: { ...require, minRsaBits } }
  const question = { certificate: parsed(alice), issuer: parsed(ca), trust, atMs }
  return statusIn(der, question, { source: 'test', nonce: sent })
}

const directory = mkdtempSync(join(tmpdir(), 'ocsp-response-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
writeFileSync(join(directory, 'ca.pem'), ca.pem)
writeFileSync(join(directory, 'alice.pem'), alice.pem)
let count = 0

/** What `openssl ocsp` makes of a response: `unknown` unless signature and times are right. */
function opensslVerdict(der: Uint8Array, hash: string): Promise<Kind> {
  const file = `${(count += 1)}.der`
  writeFileSync(join(directory, file), der)
  const words = [
    'ocsp',
    '-respin',
    file,
    `-${hash}`,
    '-issuer',
    'ca.pem',
    '-cert',
    'alice.pem',
    '-CAfile',
    'ca.pem',
  ]
  return new Promise((resolve) => {
    execFile(
      'openssl',
      [...words, '-no_nonce', '-partial_chain'],
      { cwd: directory },
      (_error, stdout, stderr) => {
        const isBelieved = /Response verify OK/.test(stderr + stdout) && !/Status times invalid/.test(stdout)
        resolve(
          !isBelieved
            ? 'unknown'
            : /: good/.test(stdout)
              ? 'good'
              : /: revoked/.test(stdout)
                ? 'revoked'
                : 'unknown',
        )
      },
    )
  })
}

interface Vector {
  readonly is: string
  readonly der: Promise<Uint8Array>
  readonly kind: Kind
  /** Where openssl decides otherwise. */
  readonly openssl?: Kind
  readonly hash?: string
  readonly sent?: string
}

const single = (options: Partial<SingleOptions>) => ({ of: alice, issuer: ca, ...options })
const critical = { ...strange, critical: true }
const harmless = { ...strange, critical: false }
const smallKey = await cachedKey({ kind: 'rsa', bits: 1024 })
const sub = await makeCa('OCSP Sub CA', { issuer: ca })
const selfMade = await makeUser(ca, { extensions: [extendedKeyUsage([ocspSigning])] })

const vectors: Vector[] = [
  { is: 'good, by the issuer', der: response(), kind: 'good' },
  { is: 'good, the issuer by its key', der: response({ responder: 'key' }), kind: 'good' },
  { is: 'good, with the version written out', der: response({ version: 0 }), kind: 'good' },
  { is: 'of a later version', der: response({ version: 1 }), kind: 'unknown', openssl: 'good' },
  { is: 'revoked', der: response({ single: { status: 'revoked' } }), kind: 'revoked' },
  { is: 'unknown', der: response({ single: { status: 'unknown' } }), kind: 'unknown' },
  {
    is: 'with SHA-256 in its CertID',
    der: response({ single: { hash: 'sha256' } }),
    kind: 'good',
    hash: 'sha256',
  },
  {
    is: 'with SHA-384 in its CertID',
    der: response({ single: { hash: 'sha384' } }),
    kind: 'good',
    hash: 'sha384',
  },
  {
    is: 'with SHA-512 in its CertID',
    der: response({ single: { hash: 'sha512' } }),
    kind: 'good',
    hash: 'sha512',
  },
  { is: 'of another serial', der: response({ single: { serial: bob.serial } }), kind: 'unknown' },
  { is: 'of another issuer name', der: response({ single: { issuerName: alice.subject } }), kind: 'unknown' },
  {
    is: 'of another issuer key',
    der: response({ single: { issuerKey: Buffer.from('key') } }),
    kind: 'unknown',
  },
  {
    is: 'of several, ours the last',
    der: response({ singles: [single({ of: bob, status: 'revoked' }), single({})] }),
    kind: 'good',
  },
  {
    is: 'of several, none ours',
    der: response({ singles: [single({ of: bob }), single({ of: selfMade })] }),
    kind: 'unknown',
  },
  {
    is: 'good and revoked at once',
    der: response({ singles: [single({}), single({ status: 'revoked' })] }),
    kind: 'revoked',
    openssl: 'good',
  },
  {
    is: 'good and unknown at once',
    der: response({ singles: [single({}), single({ status: 'unknown' })] }),
    kind: 'unknown',
    openssl: 'good',
  },
  { is: 'past its end', der: response({ single: { nextUpdate: atMs - 20 * minuteMs } }), kind: 'unknown' },
  { is: 'just past its end', der: response({ single: { nextUpdate: atMs - 2 * minuteMs } }), kind: 'good' },
  {
    is: 'revoked, and past its end',
    der: response({ single: { status: 'revoked', nextUpdate: atMs - 20 * minuteMs } }),
    kind: 'revoked',
    openssl: 'unknown',
  },
  { is: 'from the future', der: response({ single: { thisUpdate: atMs + 20 * minuteMs } }), kind: 'unknown' },
  {
    is: 'from a clock a little ahead',
    der: response({ single: { thisUpdate: atMs + 2 * minuteMs } }),
    kind: 'good',
  },
  {
    is: 'revoked in the future',
    der: response({ single: { status: 'revoked', thisUpdate: atMs + 20 * minuteMs } }),
    kind: 'unknown',
  },
  { is: 'without an end, fresh', der: response({ single: { nextUpdate: null } }), kind: 'good' },
  {
    is: 'without an end, old',
    der: response({ single: { nextUpdate: null, thisUpdate: atMs - 8 * dayMs } }),
    kind: 'unknown',
    openssl: 'good',
  },
  {
    is: 'made before the certificate was valid',
    der: response({ producedAt: alice.notBefore.getTime() - dayMs }),
    kind: 'unknown',
    openssl: 'good',
  },
  { is: 'made in the future', der: response({ producedAt: atMs + dayMs }), kind: 'unknown', openssl: 'good' },
  { is: 'with our nonce', der: response({ nonce }), kind: 'good', sent: nonce.toString('hex') },
  {
    is: 'with another nonce',
    der: response({ nonce: Buffer.alloc(32, 1) }),
    kind: 'unknown',
    sent: nonce.toString('hex'),
    openssl: 'good',
  },
  { is: 'without a nonce', der: response(), kind: 'good', sent: nonce.toString('hex') },
  {
    is: 'with a critical extension',
    der: response({ extensions: [critical] }),
    kind: 'unknown',
    openssl: 'good',
  },
  { is: 'with an extension that is not critical', der: response({ extensions: [harmless] }), kind: 'good' },
  {
    is: 'with a critical extension of its single response',
    der: response({ single: { extensions: [critical] } }),
    kind: 'unknown',
    openssl: 'good',
  },
  {
    is: 'with an extension of its single response that is not critical',
    der: response({ single: { extensions: [harmless] } }),
    kind: 'good',
  },
  { is: 'signed by another CA of that name', der: response({ signer: twin }), kind: 'unknown' },
  { is: 'signed by a user', der: delegated(bob), kind: 'unknown' },
  { is: 'with a wrong signature', der: response().then((der) => tampered(der, -1)), kind: 'unknown' },
  {
    is: 'signed with SHA-1',
    der: response({ signature: { hash: 'sha1' } }),
    kind: 'unknown',
    openssl: 'good',
  },
  { is: 'signed with SHA-384', der: response({ signature: { hash: 'sha384' } }), kind: 'good' },
  { is: 'by a delegate', der: delegate().then((by) => delegated(by)), kind: 'good' },
  {
    is: 'by a delegate, by its key',
    der: delegate().then((by) => delegated(by, { responder: 'key' })),
    kind: 'good',
  },
  {
    is: 'by a delegate that says nothing of its own revocation',
    der: delegate({ extensions: [extendedKeyUsage([ocspSigning])] }).then((by) => delegated(by)),
    kind: 'good',
  },
  {
    is: 'by a delegate that is not sent',
    der: delegate().then((by) => response({ signer: by })),
    kind: 'unknown',
  },
  {
    is: 'by a delegate behind another certificate',
    der: delegate().then((by) => delegated(by, { certificates: [bob, by] })),
    kind: 'good',
  },
  {
    is: 'by a delegate of no such use',
    der: delegate({ extensions: [keyUsage(['digitalSignature'])] }).then((by) => delegated(by)),
    kind: 'unknown',
  },
  {
    is: 'by a delegate for any use',
    der: delegate({ extensions: [extendedKeyUsage(['2.5.29.37.0'])] }).then((by) => delegated(by)),
    kind: 'unknown',
  },
  {
    is: 'by a delegate whose key may not sign',
    der: delegate({ extensions: [keyUsage(['keyEncipherment']), extendedKeyUsage([ocspSigning])] }).then(
      (by) => delegated(by),
    ),
    kind: 'unknown',
    openssl: 'good',
  },
  {
    is: 'by a delegate with an unknown critical extension',
    der: delegate({ extensions: [extendedKeyUsage([ocspSigning]), critical] }).then((by) => delegated(by)),
    kind: 'unknown',
  },
  {
    is: 'by a delegate that has expired',
    der: delegate({ notAfter: new Date(atMs - dayMs) }).then((by) => delegated(by)),
    kind: 'unknown',
  },
  {
    is: 'by a delegate that is not yet valid',
    der: delegate({ notBefore: new Date(atMs + dayMs) }).then((by) => delegated(by)),
    kind: 'unknown',
  },
  {
    is: 'by a delegate of another CA of that name',
    der: delegate({}, twin).then((by) => delegated(by)),
    kind: 'unknown',
  },
  {
    is: 'by a delegate of a CA below',
    der: delegate({}, sub).then((by) => delegated(by, { certificates: [by, sub] })),
    kind: 'unknown',
  },
  {
    is: 'by a delegate signed with SHA-1',
    der: delegate({ signature: { hash: 'sha1' } }).then((by) => delegated(by)),
    kind: 'unknown',
    openssl: 'good',
  },
  {
    is: 'by a delegate with a small key',
    der: delegate({ key: smallKey }).then((by) => delegated(by)),
    kind: 'unknown',
    openssl: 'good',
  },
  { is: 'of several, but none at all', der: response({ singles: [] }), kind: 'unknown' },
  ...[1, 2, 3, 5, 6, 4, 17].map(
    (status): Vector => ({
      is: `no response, but status ${status}`,
      der: Promise.resolve(failureAnswer(status)),
      kind: 'unknown',
    }),
  ),
  {
    is: 'followed by a byte',
    der: response().then((der) => Buffer.concat([der, Buffer.alloc(1)])),
    kind: 'unknown',
    openssl: 'good',
  },
  { is: 'empty', der: Promise.resolve(new Uint8Array()), kind: 'unknown' },
]

test('judges each response as its rule asks, and says where openssl judges otherwise', async (t) => {
  for (const { is, der, kind, openssl = kind, hash = 'sha1', sent = null } of vectors) {
    const bytes = await der
    t.equal((await ask(bytes, sent)).kind, kind, is)
    t.equal(await opensslVerdict(bytes, hash), openssl, `openssl: ${is}`)
  }
})

test('takes no response in which the certificate in question vouches for itself', async (t) => {
  const der = await makeResponse({
    atMs,
    signer: selfMade,
    singles: [single({ of: selfMade })],
    certificates: [selfMade],
  })
  const trust = { name: 't', anchors: [parsed(ca)], intermediates: [], require }
  const about = { issuer: parsed(ca), trust, atMs }
  const asked = (certificate: IssuedCertificate) =>
    statusIn(der, { ...about, certificate: parsed(certificate) }, { source: 'test', nonce: null })
  t.equal((await asked(selfMade)).kind, 'unknown')
  const other = await makeResponse({
    atMs,
    signer: selfMade,
    singles: [single({})],
    certificates: [selfMade],
  })
  t.equal((await ask(other)).kind, 'good')
})

test('says until when an answer holds, and when it was made', async (t) => {
  const nextUpdate = atMs + 30 * minuteMs
  t.match(await ask(await response({ single: { nextUpdate } })), {
    validUntil: nextUpdate,
    thisUpdate: atMs - 60 * minuteMs,
  })
  t.match(await ask(await response({ single: { nextUpdate: null } })), { validUntil: atMs + 5 * minuteMs })
  const lapsed = atMs - 2 * minuteMs
  t.match(await ask(await response({ single: { nextUpdate: lapsed } })), {
    validUntil: lapsed + 5 * minuteMs,
  })
})
