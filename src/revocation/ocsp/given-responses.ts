import { DerError } from '../../x509/der.js'
import { type CertificateQuestion, type CertificateStatus, type StatusSource, unknown } from '../sources.js'
import { judgeResponse, type OcspQuestion } from './judge-response.js'
import { parseOcspAnswer } from './response.js'

/** Answers out of responses that are at hand: what one of them revokes is revoked. */
export class GivenResponses implements StatusSource {
  readonly #responses: readonly Uint8Array[]

  /** @param responses DER */
  constructor(responses: readonly Uint8Array[]) {
    this.#responses = responses
  }

  async status(question: CertificateQuestion): Promise<CertificateStatus> {
    let found = unknown('there is no OCSP response')
    for (const der of this.#responses) {
      const status = await statusIn(der, question, { source: 'given', nonce: null })
      if (status.kind === 'revoked') return status
      if (status.kind === 'good' || found.kind !== 'good') found = status
    }
    return found
  }
}

/** For judging responses that are at hand, as DER. */
export function ocspSourceOf({ responses }: { readonly responses: readonly Uint8Array[] }): StatusSource {
  return new GivenResponses(responses)
}

/** What an answer, whatever it is, says of a certificate. */
export async function statusIn(
  der: Uint8Array,
  question: OcspQuestion,
  options: { readonly source: string; readonly nonce: string | null },
): Promise<CertificateStatus> {
  const no = (why: string) => ({
    ...unknown(`the responder ${options.source} ${why}`),
    source: options.source,
  })
  try {
    const answer = parseOcspAnswer(der)
    return 'failure' in answer
      ? no(`answers ${answer.failure}`)
      : await judgeResponse(answer.response, question, options)
  } catch (error) {
    if (error instanceof DerError) return no(`sends what is no OCSP answer (${error.message})`)
    throw error
  }
}
