import { Refusal } from '../core/refusals.js'
import {
  type CertificateForm,
  isTooLong,
  malformed,
  mostCertificates,
  presentedChain,
  tooLarge,
  wordVerdicts,
} from './certificate-form.js'
import { readEscapedPem, readOneEscapedPem } from './escaped-pem.js'

/**
 * Apache httpd's `SSL_CLIENT_CERT` (https://httpd.apache.org/docs/2.4/mod/mod_ssl.html#envvars) as
 * mod_headers writes it: `expr=%{escape:%{SSL_CLIENT_CERT}}`, percent-encoded but for `+`, `/` and `=`; or
 * `%{SSL_CLIENT_CERT}s`, where each line end is a space and `(null)` says that there is none
 * (https://httpd.apache.org/docs/2.4/mod/mod_headers.html#header). The second header holds
 * `SSL_CLIENT_CERT_CHAIN_0` and so on, one behind the other, written in the same way.
 */
export function apacheForm(certificateBytes: number): CertificateForm {
  return {
    name: 'apache',
    absent: ['(null)'],
    verdicts: wordVerdicts,
    decode(value, chain) {
      if (isTooLong(value, certificateBytes)) return tooLarge()
      const leaf = readOneEscapedPem(value, 'spaces')
      if (leaf instanceof Refusal) return leaf
      const [intermediates = '', ...more] = chain
      if (more.length > 0) return malformed('its chain comes in more than one header')
      if (isTooLong(intermediates, certificateBytes, mostCertificates)) return tooLarge()
      const certificates = readEscapedPem(intermediates, 'spaces')
      return certificates instanceof Refusal
        ? certificates
        : presentedChain([...leaf, ...certificates], certificateBytes)
    },
  }
}
