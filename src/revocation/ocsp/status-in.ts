import { DerError } from '../../x509/der.js'
import { type CertificateStatus, unknown } from '../sources.js'
import { judgeResponse, type OcspQuestion } from './judge-response.js'
import { parseOcspAnswer } from './response.js'

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
