import { Refusal } from '../core/refusals.js'
import {
  type CertificateForm,
  isTooLong,
  presentedChain,
  tooLarge,
  wordVerdicts,
} from './certificate-form.js'
import { readOneEscapedPem } from './escaped-pem.js'
import type { DecodedCertificate } from './facts.js'

/**
 * nginx's `$ssl_client_escaped_cert`: the PEM of the leaf, percent-encoded as a URI component, which keeps
 * `+` (http://nginx.org/en/docs/http/ngx_http_ssl_module.html#var_ssl_client_escaped_cert).
 *
 * @param certificateBytes the most that the DER may hold
 */
export function nginxForm(certificateBytes: number): CertificateForm {
  return {
    name: 'nginx',
    absent: [],
    verdicts: wordVerdicts,
    decode: (value) => (isUnescaped(value) ? unescapedRefusal() : readEscapedLeaf(value, certificateBytes)),
  }
}

/** One certificate, as nginx escapes it. */
export function readEscapedLeaf(value: string, certificateBytes: number): DecodedCertificate | Refusal {
  if (isTooLong(value, certificateBytes)) return tooLarge()
  const certificates = readOneEscapedPem(value)
  return certificates instanceof Refusal ? certificates : presentedChain(certificates, certificateBytes)
}

/** What `$ssl_client_cert` leaves once its lines were joined by spaces or tabs. */
function isUnescaped(value: string): boolean {
  return /^-----BEGIN CERTIFICATE-----[ \t]/.test(value)
}

/** The guide's own snippet: the one word to change is named to the operator. */
function unescapedRefusal(): Refusal {
  const cure =
    'write $ssl_client_escaped_cert in place of $ssl_client_cert in the nginx configuration, or set listen.multilineHeader: true'
  return new Refusal('certificate_malformed', {
    detail: `nginx sends the certificate unescaped, over several lines: ${cure}`,
    remedy: `Administrators: ${cure}.`,
  })
}
