import { decodeAllBase64 } from './base64-value.js'
import {
  type CertificateForm,
  isTooLong,
  malformed,
  mostCertificates,
  presentedChain,
  tooLarge,
  wordVerdicts,
} from './certificate-form.js'
import { percentDecode } from './escaped-pem.js'

/**
 * Traefik's passTLSClientCert with `pem: true`: what the client sent, each certificate as PEM without its
 * markers and line ends, joined by commas
 * (https://doc.traefik.io/traefik/middlewares/http/passtlsclientcert/#pem). Before 2.9.4 each was
 * query-escaped besides. Base64 knows neither `%` nor a comma, so both are read in the same way; a `+` is
 * itself in either, since what was escaped has no blank to write as one.
 */
export function traefikForm(certificateBytes: number): CertificateForm {
  return {
    name: 'traefik',
    absent: [],
    verdicts: wordVerdicts,
    decode(value) {
      if (isTooLong(value, certificateBytes, mostCertificates)) return tooLarge()
      const text = percentDecode(value)
      if (text === null) return malformed('it has a bad percent escape')
      const certificates = decodeAllBase64(text.split(','))
      return certificates === null
        ? malformed('it is not base64, separated by commas')
        : presentedChain(certificates, certificateBytes)
    },
  }
}
