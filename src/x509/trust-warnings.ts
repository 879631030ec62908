import type { ParsedCertificate } from './certificate.js'
import { describePublicKey } from './public-key.js'
import type { Trust, TrustStore } from './trust-store.js'

/** Something about an authority that the operator should know, though it stops nothing from loading. */
export interface TrustWarning {
  readonly trust: string
  readonly role: 'anchor' | 'intermediate'
  /** RFC 4514 text. */
  readonly subject: string
  readonly problem: 'expired' | 'not_yet_valid' | 'key_too_weak' | 'algorithm_refused' | 'not_an_authority'
  /** What it is and what follows from it, in one line. */
  readonly message: string
}

/** `atMs`: milliseconds since 1970. An expired anchor still anchors; an expired intermediate leads nowhere. */
export function trustWarnings(store: TrustStore, atMs: number): readonly TrustWarning[] {
  return store.trusts.flatMap((trust) => [
    ...trust.anchors.flatMap((anchor) => warningsOf(trust, 'anchor', anchor, atMs)),
    ...trust.intermediates.flatMap((intermediate) => warningsOf(trust, 'intermediate', intermediate, atMs)),
  ])
}

function warningsOf(
  trust: Trust,
  role: TrustWarning['role'],
  certificate: ParsedCertificate,
  atMs: number,
): TrustWarning[] {
  const { facts, publicKey, basicConstraints } = certificate
  const warnings: TrustWarning[] = []
  const warn = (problem: TrustWarning['problem'], message: string) =>
    warnings.push({ trust: trust.name, role, subject: facts.subject, problem, message })
  const consequence = role === 'anchor' ? 'it is trusted all the same' : 'no path leads through it'
  if (atMs > facts.notAfter) warn('expired', `expired ${isoDate(facts.notAfter)}: ${consequence}`)
  if (atMs < facts.notBefore) warn('not_yet_valid', `valid from ${isoDate(facts.notBefore)}: ${consequence}`)
  if (publicKey.kind === 'unlisted') warn('algorithm_refused', `${publicKey.why}: no path leads through it`)
  else if ('bits' in publicKey && publicKey.bits < trust.require.minRsaBits) {
    const required = `minRsaBits is ${trust.require.minRsaBits}`
    warn('key_too_weak', `${describePublicKey(publicKey)}, and ${required}: no path leads through it`)
  }
  const isAuthority = basicConstraints?.authority ?? (role === 'anchor' && certificate.version === 1)
  if (!isAuthority)
    warn('not_an_authority', `its basic constraints do not say that it is an authority: ${consequence}`)
  return warnings
}

function isoDate(moment: number): string {
  return new Date(moment).toISOString().slice(0, 10)
}
