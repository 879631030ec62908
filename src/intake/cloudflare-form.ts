import { decodeBase64 } from './base64-value.js'
import { type CertificateForm, isTooLong, malformed, presentedChain, tooLarge } from './certificate-form.js'

/**
 * Cloudflare's `Cf-Client-Cert-Der-Base64`
 * (https://developers.cloudflare.com/ssl/client-certificates/forward-a-client-certificate/). It is filled
 * for certificates that Cloudflare could not verify as well, which is no matter here: each is verified
 * again. `Cf-Cert-Verified` says `true` or `false`, also where there is no certificate.
 */
export function cloudflareForm(certificateBytes: number): CertificateForm {
  return {
    name: 'cloudflare',
    absent: [],
    verdicts: { verified: 'true', absent: 'false' },
    decode(value) {
      if (isTooLong(value, certificateBytes)) return tooLarge()
      const leaf = decodeBase64(value)
      return leaf === null ? malformed('it is not base64') : presentedChain([leaf], certificateBytes)
    },
  }
}
