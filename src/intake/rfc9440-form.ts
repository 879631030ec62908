import { decodeBase64 } from './base64-value.js'
import {
  type CertificateForm,
  isTooLong,
  malformed,
  mostCertificates,
  presentedChain,
  tooLarge,
  wordVerdicts,
} from './certificate-form.js'

/**
 * `Client-Cert`, one Byte Sequence, and `Client-Cert-Chain`, a List of them over one line or several, in
 * the order of TLS and without the leaf (RFC 9440 §2.2, §2.3). Read more strictly than RFC 8941 asks:
 * padding must be there, parameters must not, since no proxy has a reason to write otherwise.
 */
export function rfc9440Form(certificateBytes: number): CertificateForm {
  return {
    name: 'rfc9440',
    absent: [],
    verdicts: wordVerdicts,
    decode(value, chain) {
      if (isTooLong(value, certificateBytes)) return tooLarge()
      const leaf = byteSequence(value)
      if (leaf === null) return malformed('it is not one byte sequence of RFC 8941')
      const list = chain.join(',')
      if (isTooLong(list, certificateBytes, mostCertificates)) return tooLarge()
      const intermediates = list === '' ? [] : byteSequences(list)
      return intermediates === null
        ? malformed('its chain is not a list of byte sequences of RFC 8941')
        : presentedChain([leaf, ...intermediates], certificateBytes)
    },
  }
}

/** RFC 8941 §4.2.1: members are separated by a comma, with optional spaces and tabs around it. */
function byteSequences(list: string): Uint8Array[] | null {
  const members = list.split(',').map(byteSequence)
  const sequences = members.filter((member) => member !== null)
  return sequences.length === members.length ? sequences : null
}

/** RFC 8941 §4.2.7. A header's own value has no blanks around it any more. */
function byteSequence(text: string): Uint8Array | null {
  const [, base64] = /^[ \t]*:([A-Za-z0-9+/=]+):[ \t]*$/.exec(text) ?? []
  return base64 === undefined ? null : decodeBase64(base64)
}
