// A CA, a certificate of it, a CRL and an OCSP response that say that it is good: what the fuzz runs change.
import { createHash, sign } from 'node:crypto'
import {
  bitString,
  contextConstructed,
  contextPrimitive,
  encode,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  time,
} from '../dist/pki/der-writer.js'
import { authorityKeyIdentifier, encodeExtension } from '../dist/pki/extensions.js'
import { createAuthority, issueCertificate } from '../dist/pki/issue.js'
import { userExtensions } from '../dist/pki/profiles.js'
import { configuredLimits, parseCertificate } from '../dist/x509/certificate.js'

const hour = 3_600_000
const ecdsaSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
const critical = (type, value) => encodeExtension({ type, critical: true, value })
const plain = (type, value) => encodeExtension({ type, critical: false, value })

/** @param now milliseconds since 1970, full seconds: around it everything is valid */
export async function makeSamples(now) {
  const validity = { notBefore: new Date(now - 24 * hour), notAfter: new Date(now + 24 * hour) }
  const cn = (value) => [{ type: 'CN', value }]
  const ca = await createAuthority({ subject: cn('Fuzz CA'), ...validity })
  const user = await issueCertificate({
    ...{ subject: cn('Alice'), issuer: ca, ...validity, extensions: userExtensions() },
  })
  const [issuer, certificate] = [ca, user].map(({ der }) => parseCertificate(der, configuredLimits))
  return {
    ...{ ca, user, issuer, certificate, now },
    signed: (tbs) => sequence(tbs, ecdsaSha256, bitString(sign('sha256', tbs, ca.privateKey))),
  }
}

/** The signed part of a list: entries with a reason, a number, where deltas are. */
export function listOf({ ca, now }) {
  const reason = sequence(plain('2.5.29.21', Uint8Array.of(0x0a, 1, 1)))
  const entry = (serial) => sequence(integer(serial), time(new Date(now - hour)), reason)
  const extensions = [
    plain('2.5.29.20', integer(7)),
    plain('2.5.29.46', sequence(sequence(contextConstructed(0, fullName('http://pki.example.com/ca.crl'))))),
  ]
  return list({ ca, now, extensions, entries: Array.from({ length: 20 }, (_none, at) => entry(at + 1)) })
}

/** The signed part of a delta that speaks for others too, of some reasons: whatever a list may hold. */
export function richListOf({ ca, now }) {
  const issuer = critical('2.5.29.29', sequence(contextConstructed(4, ca.subject)))
  const held = [plain('2.5.29.21', Uint8Array.of(0x0a, 1, 6)), plain('2.5.29.24', moment(now - 2 * hour))]
  const entry = (serial, ...extensions) =>
    sequence(
      ...[integer(serial), time(new Date(now - hour))],
      ...(extensions.length === 0 ? [] : [sequence(...extensions)]),
    )
  const scope = sequence(
    contextConstructed(0, fullName('http://pki.example.com/some.crl')),
    ...[contextPrimitive(1, Uint8Array.of(0xff)), contextPrimitive(3, Uint8Array.of(0x01, 0x7e))],
    contextPrimitive(4, Uint8Array.of(0xff)),
  )
  const extensions = [
    encodeExtension(authorityKeyIdentifier(ca.keyIdentifier)),
    ...[plain('2.5.29.20', integer(8)), critical('2.5.29.27', integer(7)), critical('2.5.29.28', scope)],
  ]
  return list({
    ca,
    now,
    extensions,
    entries: [entry(1), entry('00ff', ...held), entry(3, issuer), entry(4)],
  })
}

function list({ ca, now, extensions, entries }) {
  return sequence(
    ...[integer(1), ecdsaSha256, ca.subject, time(new Date(now - hour)), time(new Date(now + hour))],
    sequence(...entries),
    contextConstructed(0, sequence(...extensions)),
  )
}

function fullName(uri) {
  return contextConstructed(0, contextPrimitive(6, Buffer.from(uri)))
}

const sha1 = (octets) => octetString(createHash('sha1').update(octets).digest())

function moment(ms) {
  return encode(0x18, Buffer.from(`${new Date(ms).toISOString().slice(0, 19).replaceAll(/\D/g, '')}Z`))
}

/** The signed part of a response of the CA itself. @param status good unless given */
export function responseOf({ ca, issuer, user, now }, status = contextPrimitive(0, new Uint8Array())) {
  const id = sequence(
    sequence(objectIdentifier('1.3.14.3.2.26'), nullValue()),
    ...[sha1(ca.subject), sha1(issuer.encoded.publicKey), integer(user.serial)],
  )
  const single = sequence(id, status, moment(now - hour), contextConstructed(0, moment(now + hour)))
  const nonce = plain('1.3.6.1.5.5.7.48.1.2', octetString(Buffer.alloc(16, 7)))
  return sequence(
    ...[contextConstructed(1, ca.subject), moment(now - hour), sequence(single)],
    contextConstructed(1, sequence(nonce)),
  )
}

/** The state of a certificate that is revoked, for the reason of a compromised key. */
export function revokedAt(ms) {
  return contextConstructed(1, moment(ms), contextConstructed(0, encode(0x0a, Uint8Array.of(1))))
}

/** An answer of a responder. @param basic the signed response in it */
export function answerOf(basic) {
  const type = objectIdentifier('1.3.6.1.5.5.7.48.1.1')
  return sequence(encode(0x0a, Uint8Array.of(0)), contextConstructed(0, sequence(type, octetString(basic))))
}
