import { createHash } from 'node:crypto'
import { Refusal } from '../../core/refusals.js'
import { type ParsedCertificate, parseCertificate, presentedLimits } from '../../x509/certificate.js'
import { checkStrength } from '../../x509/key-strength.js'
import { hashTypes } from '../../x509/object-identifiers.js'
import { checkExtensions } from '../../x509/processed-extensions.js'
import { verifySignature } from '../../x509/signature.js'
import { type CertificateQuestion, type CertificateStatus, unknown } from '../sources.js'
import type { OcspResponse, SingleResponse } from './response.js'

const ocspSigning = '1.3.6.1.5.5.7.3.9'
const noCheck = '1.3.6.1.5.5.7.48.1.5'

/** Clocks differ by as much, between honest machines. */
const skewMs = 5 * 60_000
/** A response that does not say when there will be newer information is no older than this. */
const longestWithoutEndMs = 7 * 24 * 3_600_000
/** Newer information may be there at any time then (§4.2.2.1): it holds so long, and is asked for again. */
const withoutEndHoldsMs = 5 * 60_000
/** So many certificates of a response are looked at: a responder needs one. */
const mostCertificates = 8

/** What an answer is judged against. */
export type OcspQuestion = Pick<CertificateQuestion, 'certificate' | 'issuer' | 'trust' | 'atMs'>

export interface JudgeOptions {
  /** For people: the responder. */
  readonly source: string
  /** What was sent, hexadecimal; null: nothing was. */
  readonly nonce: string | null
}

/** What a response says of the certificate in question, once it is known to come from who may say so. */
export async function judgeResponse(
  response: OcspResponse,
  question: OcspQuestion,
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
  if (about.some((single) => single.hasUnknownCritical))
    return no('holds a critical extension that is not known')
  const { atMs } = question
  const begun = about.filter(({ thisUpdate }) => thisUpdate <= atMs + skewMs)
  // As with a lapsed CRL: a revocation does not end because nobody repeats it.
  const revoked = latestOf(begun.filter(({ status }) => status === 'revoked'))
  if (revoked !== null) return statusOf(revoked, source, atMs)
  if (!isProducedInTime(response, question)) return no('was made when the certificate was not valid')
  const timely = begun.filter((single) => atMs <= endOf(single) + skewMs)
  const said = latestOf(timely.filter(({ status }) => status === 'unknown')) ?? latestOf(timely)
  return said === null ? no('is of another time') : statusOf(said, source, atMs)
}

function latestOf(singles: readonly SingleResponse[]): SingleResponse | null {
  return singles.toSorted((a, b) => b.thisUpdate - a.thisUpdate)[0] ?? null
}

/** Before its certificate was valid a responder could not speak of it; nor may it date its answer ahead. */
function isProducedInTime(
  { producedAt }: OcspResponse,
  { certificate: { facts }, atMs }: OcspQuestion,
): boolean {
  const earliest = facts.notBefore - skewMs
  return producedAt >= earliest && producedAt <= Math.min(facts.notAfter, atMs) + skewMs
}

function statusOf(single: SingleResponse, source: string, atMs: number): CertificateStatus {
  const { status, thisUpdate, revokedAt } = single
  const detail =
    status === 'good'
      ? null
      : status === 'revoked'
        ? `revoked ${new Date(revokedAt ?? thisUpdate).toISOString()}`
        : `the responder ${source} does not know this certificate`
  return { kind: status, source, thisUpdate, validUntil: holdsUntil(single, atMs), detail }
}

/** An answer just past its end may be the newest there is, by another clock: it holds for that difference. */
function holdsUntil(single: SingleResponse, atMs: number): number {
  const end = endOf(single)
  if (atMs > end) return end + skewMs
  return single.nextUpdate === null ? Math.min(end, atMs + withoutEndHoldsMs) : end
}

/** RFC 6960 §3.2(6); without nextUpdate an age that is ours. */
function endOf({ thisUpdate, nextUpdate }: SingleResponse): number {
  return nextUpdate ?? thisUpdate + longestWithoutEndMs
}

const hashes = new Map<string, string>([
  [hashTypes.sha1, 'sha1'],
  [hashTypes.sha256, 'sha256'],
  [hashTypes.sha384, 'sha384'],
  [hashTypes.sha512, 'sha512'],
])

/** §3.2(1). SHA-1 only names here, it protects nothing. */
function isAbout({ id }: SingleResponse, { certificate, issuer }: OcspQuestion): boolean {
  const hash = hashes.get(id.hash)
  if (hash === undefined || id.serial !== Buffer.from(certificate.serialNumber).toString('hex')) return false
  const digest = (octets: Uint8Array) => createHash(hash).update(octets).digest('hex')
  return (
    id.issuerKey === digest(issuer.encoded.publicKey) &&
    (id.issuerName === digest(certificate.encoded.issuer) || id.issuerName === digest(issuer.encoded.subject))
  )
}

/** §4.2.2.2: the issuer itself, or whom it has named for this by a certificate of its own. */
async function isFromResponder(response: OcspResponse, question: OcspQuestion): Promise<boolean> {
  const { issuer } = question
  if (isNamed(response, issuer) && (await isSignedBy(response, issuer))) return true
  for (const der of response.certificates.slice(0, mostCertificates)) {
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
 * (id-pkix-ocsp-nocheck), and whoever could answer is the responder itself. Nobody vouches for himself.
 */
async function isDelegate(
  delegate: ParsedCertificate,
  { certificate, issuer, trust, atMs }: OcspQuestion,
): Promise<boolean> {
  const { facts, extendedKeyUsage, keyUsage, signatureAlgorithm, tbs, signature } = delegate
  if (delegate.issuer.key !== issuer.subject.key || extendedKeyUsage?.includes(ocspSigning) !== true)
    return false
  if (facts.spkiSha256 === certificate.facts.spkiSha256) return false
  if (keyUsage !== null && !keyUsage.has('digitalSignature') && !keyUsage.has('nonRepudiation')) return false
  if (atMs < facts.notBefore || atMs > facts.notAfter) return false
  const extensions = new Map([...delegate.extensions].filter(([type]) => type !== noCheck))
  const path = { anchor: issuer, certificates: [{ ...delegate, extensions }], unchecked: [] }
  if (checkExtensions(path) !== null || checkStrength(path, trust.require.minRsaBits) !== null) return false
  return (await verifySignature(signatureAlgorithm, issuer.publicKey, tbs, signature)) === 'good'
}
