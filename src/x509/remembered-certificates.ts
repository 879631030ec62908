import { createHash } from 'node:crypto'
import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { parseCertificate, presentedLimits } from './certificate.js'

/** More than one installation has authorities; each holds some 20 KiB. */
const mostRemembered = 64

/**
 * Intermediates that clients send along and that led to an anchor: read once, and with them the outcomes of
 * their signatures. Others are never remembered, so that nobody who is let in by none can fill this.
 */
export class RememberedCertificates {
  readonly #byFingerprint = new Map<string, ParsedCertificate>()

  /** What is no certificate is left out. */
  read(ders: readonly Uint8Array[]): readonly ParsedCertificate[] {
    return ders.flatMap((der) => {
      const known = this.#byFingerprint.get(createHash('sha256').update(der).digest('hex'))
      if (known !== undefined) return [known]
      const certificate = parseCertificate(der, presentedLimits)
      return certificate instanceof Refusal ? [] : [certificate]
    })
  }

  remember(certificates: readonly ParsedCertificate[]): void {
    for (const certificate of certificates) this.#byFingerprint.set(certificate.facts.sha256, certificate)
    for (const fingerprint of this.#byFingerprint.keys()) {
      if (this.#byFingerprint.size <= mostRemembered) return
      this.#byFingerprint.delete(fingerprint)
    }
  }
}
