import type { Refusal } from '../core/refusals.js'
import type { DecodedCertificate } from './facts.js'

/** One way in which a proxy writes a certificate into a header: a small reader each, chosen by configuration. */
export interface CertificateForm {
  readonly name: string
  /** `certificate_malformed` where the value is not exactly of this form. */
  decode(value: string): DecodedCertificate | Refusal
}
