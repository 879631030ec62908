import { Refusal } from '../core/refusals.js'
import {
  type CertificateForm,
  isTooLong,
  mostCertificates,
  presentedChain,
  tooLarge,
  wordVerdicts,
} from './certificate-form.js'
import { readEscapedPem } from './escaped-pem.js'

/**
 * AWS Application Load Balancer: percent-encoded PEM in which `+`, `=` and `/` stay as they are; the leaf
 * alone in `X-Amzn-Mtls-Clientcert-Leaf` (verify mode), all that the client sent in
 * `X-Amzn-Mtls-Clientcert` (passthrough mode, where the balancer verifies nothing)
 * (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html).
 */
export function awsAlbForm(certificateBytes: number): CertificateForm {
  return {
    name: 'aws-alb',
    absent: [],
    verdicts: wordVerdicts,
    decode(value) {
      if (isTooLong(value, certificateBytes, mostCertificates)) return tooLarge()
      const certificates = readEscapedPem(value)
      return certificates instanceof Refusal ? certificates : presentedChain(certificates, certificateBytes)
    },
  }
}
