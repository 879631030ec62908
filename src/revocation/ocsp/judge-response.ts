import { createHash } from 'node:crypto'
import { Refusal } from '../../core/refusals.js'
import { type ParsedCertificate, parseCertificate, presentedLimits } from '../../x509/certificate.js'
import { checkStrength } from '../../x509/key-strength.js'
import { hashTypes } from '../../x509/object-identifiers.js'
import { verifySignature } from '../../x509/signature.js'
import { type CertificateQuestion, type CertificateStatus, unknown } from '../sources.js'
import type { OcspResponse, SingleResponse } from './response.js'

const ocspSigning = '1.3.6.1.5.5.7.3.9'

/** Clocks differ by as much, between honest machines. */
const skewMs = 5 * 60_000
/** A response that does not say when there will be newer information is believed so long. */
const longestWithoutEndMs = 7 * 24 * 3_600_000

export interface JudgeOptions {
  /** For people: the responder. */
  readonly source: string
  /** What was sent, hexadecimal; null: nothing was. */
  readonly nonce: string | null
}

/** What a response says of the certificate in question, once it is known to come from who may say so. */
export async function judgeResponse(
  response: OcspResponse,
  question: CertificateQuestion,
  { source, nonce }: JudgeOptions,
): Promise<CertificateStatus> {
  const no = (why: string): CertificateStatus => ({
    ...unknown(`the OCSP response of ${source} ${why}`),
    source,
  })
  if (response.hasUnknownCritical) return no('holds a critical extension that is not known')
  // A response made in advance repeats no nonce (RFC 5019 §4); another one than ours is an old answer.
  if (nonce !== null && response.nonce !== null && response.nonce !== nonce)
    return no('repeats another nonce')
  if (!(await isFromResponder(response, question)))
    return no('is not signed by who may answer for the issuer')
  const about = response.responses.filter((single) => isAbout(single, question))
  if (about.length === 0) return no('says nothing of this certificate')
  const timely = about.filter((single) => !single.hasUnknownCritical && isTimely(single, question.atMs))
  const [latest] = timely.toSorted((a, b) => b.thisUpdate - a.thisUpdate)
  if (latest === undefined) return no('is of another time')
  return statusOf(timely.find(({ status }) => status === 'revoked') ?? latest, source)
}

function statusOf(single: SingleResponse, source: string): CertificateStatus {
  const { status, thisUpdate, revokedAt } = single
  const detail =
    status === 'good'
      ? null
      : status === 'revoked'
        ? `revoked ${new Date(revokedAt ?? thisUpdate).toISOString()}`
        : `the responder ${source} does not know this certificate`
  return { kind: status, source, thisUpdate, validUntil: endOf(single), detail }
}

function endOf({ thisUpdate, nextUpdate }: SingleResponse): number {
  return nextUpdate ?? thisUpdate + longestWithoutEndMs
}

/** RFC 6960 §3.2(5), (6) */
function isTimely(single: SingleResponse, atMs: number): boolean {
  return single.thisUpdate <= atMs + skewMs && atMs <= endOf(single) + skewMs
}

const hashes = new Map<string, string>([
  [hashTypes.sha1, 'sha1'],
  [hashTypes.sha256, 'sha256'],
  [hashTypes.sha384, 'sha384'],
  [hashTypes.sha512, 'sha512'],
])

/** §3.2(1). SHA-1 only names here, it protects nothing. */
function isAbout({ id }: SingleResponse, { certificate, issuer }: CertificateQuestion): boolean {
  const hash = hashes.get(id.hash)
  if (hash === undefined || id.serial !== Buffer.from(certificate.serialNumber).toString('hex')) return false
  const digest = (octets: Uint8Array) => createHash(hash).update(octets).digest('hex')
  return (
    id.issuerKey === digest(issuer.encoded.publicKey) &&
    (id.issuerName === digest(certificate.encoded.issuer) || id.issuerName === digest(issuer.encoded.subject))
  )
}

/** §4.2.2.2: the issuer itself, or whom it has named for this by a certificate of its own. */
async function isFromResponder(response: OcspResponse, question: CertificateQuestion): Promise<boolean> {
  const { issuer } = question
  if (isNamed(response, issuer) && (await isSignedBy(response, issuer))) return true
  for (const der of response.certificates) {
    const delegate = parseCertificate(der, presentedLimits)
    if (delegate instanceof Refusal || !isNamed(response, delegate)) continue
    if ((await isDelegate(delegate, question)) && (await isSignedBy(response, delegate))) return true
  }
  return false
}

function isNamed({ responder }: OcspResponse, { subject, encoded }: ParsedCertificate): boolean {
  if ('name' in responder) return responder.name.key === subject.key
  return responder.keyHash === createHash('sha1').update(encoded.publicKey).digest('hex')
}

async function isSignedBy(response: OcspResponse, { publicKey }: ParsedCertificate): Promise<boolean> {
  const { signatureAlgorithm, tbs, signature } = response
  return (await verifySignature(signatureAlgorithm, publicKey, tbs, signature)) === 'good'
}

/**
 * Issued by the very key that issued the certificate, for this purpose by name, at this time, and no weaker
 * than a path may be. Its own revocation is not asked: most responders' certificates say that it need not be
 * (id-pkix-ocsp-nocheck), and whoever could answer is the responder itself.
 */
async function isDelegate(
  delegate: ParsedCertificate,
  { issuer, trust, atMs }: CertificateQuestion,
): Promise<boolean> {
  const { facts, extendedKeyUsage, keyUsage, signatureAlgorithm, tbs, signature } = delegate
  if (delegate.issuer.key !== issuer.subject.key || extendedKeyUsage?.includes(ocspSigning) !== true)
    return false
  if (keyUsage?.has('digitalSignature') === false || atMs < facts.notBefore || atMs > facts.notAfter)
    return false
  const path = { anchor: issuer, certificates: [delegate], unchecked: [] }
  if (checkStrength(path, trust.require.minRsaBits) !== null) return false
  return (await verifySignature(signatureAlgorithm, issuer.publicKey, tbs, signature)) === 'good'
}
