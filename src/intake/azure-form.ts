import { type CertificateForm, wordVerdicts } from './certificate-form.js'
import { readEscapedLeaf } from './nginx-form.js'

/**
 * Azure Application Gateway's server variable `client_certificate`, which a rewrite rule puts into a
 * header: nginx's `$ssl_client_escaped_cert` under another name, as `client_certificate_verification` is
 * its `$ssl_client_verify`
 * (https://learn.microsoft.com/azure/application-gateway/rewrite-http-headers-url#mutual-authentication-server-variables).
 */
export function azureForm(certificateBytes: number): CertificateForm {
  return {
    name: 'azure',
    absent: [],
    verdicts: wordVerdicts,
    decode: (value) => readEscapedLeaf(value, certificateBytes),
  }
}
