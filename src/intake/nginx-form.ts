import { Refusal } from '../core/refusals.js'
import type { CertificateForm } from './certificate-form.js'
import type { DecodedCertificate } from './facts.js'

const begin = '-----BEGIN CERTIFICATE-----'
const end = '-----END CERTIFICATE-----'

/** Percent-encoding at most triples a byte, base64 adds a third, line ends a little more. */
const mostTextPerByte = 5

/**
 * nginx's `$ssl_client_escaped_cert`: the PEM of the leaf, percent-encoded as a URI component, which keeps
 * `+` (http://nginx.org/en/docs/http/ngx_http_ssl_module.html#var_ssl_client_escaped_cert).
 *
 * @param certificateBytes the most that the DER may hold
 */
export function nginxForm(certificateBytes: number): CertificateForm {
  return {
    name: 'nginx',
    decode: (value) => decode(value, certificateBytes),
  }
}

function decode(value: string, certificateBytes: number): DecodedCertificate | Refusal {
  if (value.length > certificateBytes * mostTextPerByte)
    return malformed('it is larger than limits.certificateBytes')
  if (isUnescaped(value)) return unescapedRefusal()
  const text = percentDecode(value)
  if (text === null) return malformed('it has a bad percent escape')
  const base64 = base64Of(text)
  if (base64 === null) return malformed('it is not exactly one CERTIFICATE block')
  const leaf = Buffer.from(base64, 'base64')
  // Buffer passes over what is no base64, and over bits behind the padding: the way back shows both.
  if (leaf.toString('base64') !== base64) return malformed('its base64 is not whole')
  if (leaf.length > certificateBytes) return malformed('it is larger than limits.certificateBytes')
  return { leaf: Uint8Array.from(leaf), chain: [] }
}

function percentDecode(value: string): string | null {
  try {
    return decodeURIComponent(value)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

/** Null unless the text is one block, with nothing but white space around it. */
function base64Of(text: string): string | null {
  const trimmed = text.trim()
  if (!trimmed.startsWith(begin) || !trimmed.endsWith(end)) return null
  const inner = trimmed.slice(begin.length, -end.length)
  if (!/^\r?\n/.test(inner) || !/^[A-Za-z0-9+/=\r\n]+$/.test(inner)) return null
  const base64 = inner.replace(/[\r\n]+/g, '')
  return base64 === '' ? null : base64
}

/** What `$ssl_client_cert` leaves once its lines were joined by spaces or tabs. */
function isUnescaped(value: string): boolean {
  return /^-----BEGIN CERTIFICATE-----[ \t]/.test(value)
}

/** The guide's own snippet: the one word to change is named to the operator. */
export function unescapedRefusal(): Refusal {
  const cure =
    'write $ssl_client_escaped_cert in place of $ssl_client_cert in the nginx configuration, or set listen.multilineHeader: true'
  return new Refusal('certificate_malformed', {
    detail: `nginx sends the certificate unescaped, over several lines: ${cure}`,
    remedy: `Administrators: ${cure}.`,
  })
}

function malformed(problem: string): Refusal {
  return new Refusal('certificate_malformed', { detail: `the certificate header cannot be read: ${problem}` })
}
