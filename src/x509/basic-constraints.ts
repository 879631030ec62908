import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { isSelfIssued } from './path.js'

/**
 * Whether each intermediate may issue, and how many may follow it (RFC 5280 §6.1.4(k) to (m)). `issuers`
 * runs from the anchor's side downward, without anchor and leaf. An intermediate of version 1 or 2 says
 * nothing of being an authority, and is none.
 */
export function checkBasicConstraints(
  issuers: readonly ParsedCertificate[],
  maxPathLength: number | null,
): Refusal | null {
  let remaining = maxPathLength ?? Number.POSITIVE_INFINITY
  for (const certificate of issuers) {
    const { basicConstraints, facts } = certificate
    if (basicConstraints?.authority !== true) return violated(`${facts.subject} is not an authority`)
    if (!isSelfIssued(certificate)) {
      if (remaining <= 0) return violated(`the path is longer than allowed above ${facts.subject}`)
      remaining -= 1
    }
    remaining = Math.min(remaining, basicConstraints.pathLength ?? remaining)
  }
  return null
}

function violated(detail: string): Refusal {
  return new Refusal('constraint_violated', { detail })
}
