import { decodeBase64 } from './base64-value.js'
import {
  type CertificateForm,
  isTooLong,
  malformed,
  mostCertificates,
  presentedChain,
  tooLarge,
} from './certificate-form.js'
import { splitSequences } from './concatenated-der.js'

/**
 * HAProxy's `%[ssl_c_der,base64]`, in quotes where it was written with `%{+Q}`, and in the second header
 * `%[ssl_c_chain_der,base64]`: the DER of all that the client sent behind its leaf, one value
 * (HAProxy's configuration manual, "Fetching samples at Layer 5"). `ssl_c_verify` is the number of
 * OpenSSL's verify result, 0 also where there is no certificate.
 */
export function haproxyForm(certificateBytes: number): CertificateForm {
  return {
    name: 'haproxy',
    absent: ['""', '-'],
    verdicts: { verified: '0', absent: '0' },
    decode(value, chain) {
      if (isTooLong(value, certificateBytes)) return tooLarge()
      const leaf = decodeBase64(unquoted(value))
      if (leaf === null) return malformed('it is not base64')
      const [intermediates = '', ...more] = chain
      if (more.length > 0) return malformed('its chain comes in more than one header')
      if (isTooLong(intermediates, certificateBytes, mostCertificates)) return tooLarge()
      const certificates = intermediates === '' ? [] : concatenated(unquoted(intermediates))
      return certificates === null
        ? malformed('its chain is not base64 of certificates')
        : presentedChain([leaf, ...certificates], certificateBytes)
    },
  }
}

function unquoted(value: string): string {
  return /^"([^"]*)"$/.exec(value)?.[1] ?? value
}

function concatenated(base64: string): Uint8Array[] | null {
  const bytes = decodeBase64(base64)
  return bytes === null ? null : splitSequences(bytes)
}
