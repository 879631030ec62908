import { Refusal } from '../core/refusals.js'
import type { DecodedCertificate } from './facts.js'

/** One way in which a proxy writes a certificate into a header: a small reader each, chosen by configuration. */
export interface CertificateForm {
  readonly name: string
  /** What the proxy writes in place of a certificate where there is none, beside an empty value. */
  readonly absent: readonly string[]
  readonly verdicts: Verdicts
  /**
   * The leaf is what stands first: the proxy saw its key used in the handshake. Whatever else came helps
   * to find a path and is never taken for the leaf. `certificate_malformed` where the value is not exactly
   * of this form.
   *
   * @param chain the lines of the second header in order, none of them empty; other forms pass them over
   */
  decode(value: string, chain: readonly string[]): DecodedCertificate | Refusal
}

/** What the verify header says of a certificate that the proxy verified, and where there is none. */
export interface Verdicts {
  readonly verified: string
  readonly absent: string
}

/** The words of nginx's `$ssl_client_verify`, which Apache and Azure use as well. */
export const wordVerdicts: Verdicts = { verified: 'SUCCESS', absent: 'NONE' }

/** Far more than any chain that leads somewhere. */
const mostIntermediates = 16

/** Percent-encoding at most triples a byte, base64 adds a third, line ends a little more. */
const mostTextPerByte = 5

/** Whether a text is far too long for as many certificates as it may hold: nothing is decoded then. */
export function isTooLong(text: string, certificateBytes: number, mostCertificates = 1): boolean {
  return text.length > certificateBytes * mostTextPerByte * mostCertificates
}

export const mostCertificates = 1 + mostIntermediates

/** @param certificates DER, the leaf first; `certificateBytes` bounds each of them. */
export function presentedChain(
  certificates: readonly Uint8Array[],
  certificateBytes: number,
): DecodedCertificate | Refusal {
  const [leaf, ...chain] = certificates
  if (leaf === undefined) return malformed('it holds no certificate')
  if (chain.length > mostIntermediates) return malformed('it holds too many certificates')
  if (certificates.some(({ length }) => length > certificateBytes)) return tooLarge()
  return { leaf, chain }
}

export function tooLarge(): Refusal {
  return malformed('it is larger than limits.certificateBytes')
}

export function malformed(problem: string): Refusal {
  return new Refusal('certificate_malformed', { detail: `the certificate header cannot be read: ${problem}` })
}
