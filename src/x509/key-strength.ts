import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import type { CertificationPath } from './path.js'
import { describeSignatureAlgorithm } from './signature-algorithm.js'

/** Larger keys cost the verifier more than they are worth; an anchor, chosen by the operator, may have one. */
const largestRsaBits = 4096

/** Keys and signature algorithms of the whole path, the anchor's key included; key size speaks first. */
export function checkStrength(path: CertificationPath, minRsaBits: number): Refusal | null {
  const all = [...path.certificates.toReversed(), path.anchor]
  const weak = all.find(({ publicKey }) => isRsa(publicKey) && publicKey.bits < minRsaBits)
  if (weak !== undefined && isRsa(weak.publicKey)) {
    const detail = `the RSA key of ${weak.facts.subject} has ${weak.publicKey.bits} bits, ${minRsaBits} are required`
    return new Refusal('key_too_weak', { detail })
  }
  for (const certificate of all) {
    const { publicKey, facts } = certificate
    if (publicKey.kind === 'unlisted') return refused(`${publicKey.why} in ${facts.subject}`)
    if (isRsa(publicKey) && publicKey.bits > largestRsaBits && certificate !== path.anchor) {
      return refused(
        `the RSA key of ${facts.subject} has ${publicKey.bits} bits, more than ${largestRsaBits}`,
      )
    }
  }
  const unchecked = path.unchecked[0]
  if (unchecked === undefined) return null
  return refused(`${describeSignatureAlgorithm(unchecked.signatureAlgorithm)} on ${unchecked.facts.subject}`)
}

function isRsa(
  key: ParsedCertificate['publicKey'],
): key is Extract<ParsedCertificate['publicKey'], { readonly bits: number }> {
  return key.kind === 'rsa' || key.kind === 'rsa-pss'
}

function refused(detail: string): Refusal {
  return new Refusal('algorithm_refused', { detail })
}
