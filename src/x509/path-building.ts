import type { ParsedCertificate } from './certificate.js'
import type { CertificationPath } from './path.js'
import type { SignatureOutcome } from './signature.js'
import { verifySignature } from './signature.js'

export interface PathSearch {
  readonly leaf: ParsedCertificate
  readonly anchors: readonly ParsedCertificate[]
  /** Configured and presented ones: they lead somewhere or do not, and are believed nothing. */
  readonly intermediates: readonly ParsedCertificate[]
}

/** Certificates between leaf and anchor, self-issued ones included. */
const maxIntermediates = 16
/** Signatures verified in one search. */
const maxSignatures = 128
/** Candidates looked at in one search: where signatures are remembered, the walk alone costs. */
const maxSteps = 2_048

/**
 * Walks from the leaf to anchors (RFC 4158), depth first, and yields each candidate path. What a search
 * may cost is bounded; nothing that it finds is accepted by that.
 */
export async function* findPaths(search: PathSearch): AsyncGenerator<CertificationPath> {
  const walk: Walk = { search, budget: { signatures: maxSignatures, steps: maxSteps } }
  yield* extend(walk, [search.leaf], [])
}

interface Walk {
  readonly search: PathSearch
  readonly budget: { signatures: number; steps: number }
}

/** `branch` runs from the leaf upward. */
async function* extend(
  walk: Walk,
  branch: readonly ParsedCertificate[],
  unchecked: readonly ParsedCertificate[],
): AsyncGenerator<CertificationPath> {
  const child = branch[branch.length - 1]
  if (child === undefined) return
  for (const { issuer, isAnchor } of candidates(walk.search, child, branch)) {
    walk.budget.steps -= 1
    if (walk.budget.steps < 0) return
    const outcome = await checkSignature(walk, child, issuer)
    if (outcome === 'bad') continue
    const stillUnchecked = outcome === 'unlisted' ? [...unchecked, child] : unchecked
    if (isAnchor) yield { anchor: issuer, certificates: branch.toReversed(), unchecked: stillUnchecked }
    else if (branch.length <= maxIntermediates) yield* extend(walk, [...branch, issuer], stillUnchecked)
  }
}

interface Candidate {
  readonly issuer: ParsedCertificate
  readonly isAnchor: boolean
}

/**
 * Those whose subject is the child's issuer: anchors first, as theirs are the shortest paths, and of each
 * kind first those whose key identifier fits, which is a hint and no more. None whose name and key stand
 * in the branch already: that would be a loop, or a leaf as its own anchor.
 */
function candidates(
  { anchors, intermediates }: PathSearch,
  child: ParsedCertificate,
  branch: readonly ParsedCertificate[],
): Candidate[] {
  const fits = (issuer: ParsedCertificate) =>
    issuer.subject.key === child.issuer.key && !branch.some((known) => isSameEntity(known, issuer))
  const hinted = (issuer: ParsedCertificate) =>
    child.authorityKeyIdentifier !== null && issuer.subjectKeyIdentifier === child.authorityKeyIdentifier
      ? 0
      : 1
  const sorted = (certificates: readonly ParsedCertificate[], isAnchor: boolean) =>
    certificates
      .filter(fits)
      .toSorted((a, b) => hinted(a) - hinted(b))
      .map((issuer) => ({ issuer, isAnchor }))
  return [...sorted(anchors, true), ...sorted(intermediates, false)]
}

function isSameEntity(a: ParsedCertificate, b: ParsedCertificate): boolean {
  return a.subject.key === b.subject.key && a.facts.spkiSha256 === b.facts.spkiSha256
}

/** Outcomes by child and issuer's key: configured certificates live as long as their store, and so do these. */
const outcomes = new WeakMap<ParsedCertificate, Map<string, SignatureOutcome>>()

async function checkSignature(
  { budget }: Walk,
  child: ParsedCertificate,
  issuer: ParsedCertificate,
): Promise<SignatureOutcome> {
  const known = outcomes.get(child) ?? new Map<string, SignatureOutcome>()
  outcomes.set(child, known)
  const remembered = known.get(issuer.facts.spkiSha256)
  if (remembered !== undefined) return remembered
  budget.signatures -= 1
  if (budget.signatures < 0) return 'bad'
  const { signatureAlgorithm, tbs, signature } = child
  const outcome = await verifySignature(signatureAlgorithm, issuer.publicKey, tbs, signature)
  known.set(issuer.facts.spkiSha256, outcome)
  return outcome
}
