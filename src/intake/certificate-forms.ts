import type { ProxyForm } from '../config/config.js'
import { apacheForm } from './apache-form.js'
import { awsAlbForm } from './aws-alb-form.js'
import { azureForm } from './azure-form.js'
import type { CertificateForm } from './certificate-form.js'
import { cloudflareForm } from './cloudflare-form.js'
import { envoyForm } from './envoy-form.js'
import { haproxyForm } from './haproxy-form.js'
import { nginxForm } from './nginx-form.js'
import { rfc9440Form } from './rfc9440-form.js'
import { traefikForm } from './traefik-form.js'

/**
 * The reader of one form: no other is asked.
 *
 * @param certificateBytes the most that the DER of each certificate may hold
 */
export function certificateForm(form: ProxyForm, certificateBytes: number): CertificateForm {
  switch (form) {
    case 'nginx':
      return nginxForm(certificateBytes)
    case 'rfc9440':
      return rfc9440Form(certificateBytes)
    case 'envoy':
      return envoyForm(certificateBytes)
    case 'traefik':
      return traefikForm(certificateBytes)
    case 'aws-alb':
      return awsAlbForm(certificateBytes)
    case 'cloudflare':
      return cloudflareForm(certificateBytes)
    case 'azure':
      return azureForm(certificateBytes)
    case 'haproxy':
      return haproxyForm(certificateBytes)
    case 'apache':
      return apacheForm(certificateBytes)
  }
}
