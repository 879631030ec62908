import type { ProxyForm } from './config.js'

export interface ProxyHeaders {
  /** The header that carries the certificate unless the configuration names another. */
  readonly certificate: string
  /** Whether intermediates come in a second header. */
  readonly chain: boolean
  readonly subject: string | null
}

const ownName = 'X-SSL-Client-Cert'

/** What each proxy writes by itself; where the operator writes the header, a name that is never sent on. */
export const proxyHeaders: Readonly<Record<ProxyForm, ProxyHeaders>> = {
  nginx: { certificate: ownName, chain: false, subject: 'X-SSL-Client-Cert-Subject-DN' },
  rfc9440: { certificate: 'Client-Cert', chain: true, subject: null },
  envoy: { certificate: 'X-Forwarded-Client-Cert', chain: false, subject: null },
  traefik: { certificate: 'X-Forwarded-Tls-Client-Cert', chain: false, subject: null },
  'aws-alb': { certificate: 'X-Amzn-Mtls-Clientcert-Leaf', chain: false, subject: null },
  cloudflare: { certificate: 'Cf-Client-Cert-Der-Base64', chain: false, subject: null },
  azure: { certificate: ownName, chain: false, subject: null },
  haproxy: { certificate: ownName, chain: true, subject: null },
  apache: { certificate: ownName, chain: true, subject: null },
}

export function isProxyForm(name: unknown): name is ProxyForm {
  return typeof name === 'string' && Object.hasOwn(proxyHeaders, name)
}

/** The names in use: what is written, else the form's own. A subject header written as null is not read. */
export function headersInUse(
  form: ProxyForm,
  written: { readonly certificateHeader?: string; readonly subjectHeader?: string | null },
): { certificateHeader: string; chainHeader: string | null; subjectHeader: string | null } {
  const own = proxyHeaders[form]
  const certificateHeader = written.certificateHeader ?? own.certificate
  return {
    certificateHeader,
    chainHeader: own.chain ? `${certificateHeader}-Chain` : null,
    subjectHeader: written.subjectHeader === undefined ? own.subject : written.subjectHeader,
  }
}
