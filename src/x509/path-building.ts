import type { ParsedCertificate } from './certificate.js'
import type { CertificationPath } from './path.js'
import type { SignatureOutcome } from './signature.js'
import { verifySignature } from './signature.js'

export interface PathSearch {
  readonly leaf: ParsedCertificate
  readonly anchors: readonly ParsedCertificate[]
  /** Configured and presented ones: they lead somewhere or do not, and are believed nothing. */
  readonly intermediates: readonly ParsedCertificate[]
  /** Whether an intermediate could be part of a valid path: those that could not are tried last. */
  readonly isPromising?: (intermediate: ParsedCertificate) => boolean
  /** Told of each branch that ends without an anchor, from the leaf upward. */
  readonly onDeadEnd?: (end: DeadEnd) => void
}

export interface DeadEnd {
  /** From the leaf upward, as far as it got. */
  readonly branch: readonly ParsedCertificate[]
  /** `no issuer`: none of the issuer's name leads to an anchor. `bad signature`: the last one did not sign. */
  readonly why: 'no issuer' | 'bad signature' | 'too long' | 'too costly'
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
  const issuers = issuersByName(search)
  const walk: Walk = { search, issuers, budget: { signatures: maxSignatures, steps: maxSteps } }
  yield* extend(walk, [search.leaf], [])
  if (walk.budget.steps < 0) search.onDeadEnd?.({ branch: [search.leaf], why: 'too costly' })
}

interface Walk {
  readonly search: PathSearch
  readonly issuers: IssuersByName
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
  const found = candidates(walk, child, branch)
  if (found.length === 0) walk.search.onDeadEnd?.({ branch, why: 'no issuer' })
  for (const { issuer, isAnchor } of found) {
    walk.budget.steps -= 1
    if (walk.budget.steps < 0) return
    const outcome = await checkSignature(walk, child, issuer)
    if (outcome === 'bad' || outcome === null) {
      const why = outcome === null ? 'too costly' : 'bad signature'
      walk.search.onDeadEnd?.({ branch: [...branch, issuer], why })
      continue
    }
    const stillUnchecked = outcome === 'unlisted' ? [...unchecked, child] : unchecked
    if (isAnchor) yield { anchor: issuer, certificates: branch.toReversed(), unchecked: stillUnchecked }
    else if (branch.length <= maxIntermediates) yield* extend(walk, [...branch, issuer], stillUnchecked)
    else walk.search.onDeadEnd?.({ branch: [...branch, issuer], why: 'too long' })
  }
}

interface Candidate {
  readonly issuer: ParsedCertificate
  readonly isAnchor: boolean
}

type IssuersByName = ReadonlyMap<string, readonly Candidate[]>

/** Intermediates from whose names none leads to an anchor's are left out: no walk among them would end well. */
function issuersByName({ anchors, intermediates }: PathSearch): IssuersByName {
  const found = new Map<string, Candidate[]>()
  const add = (issuer: ParsedCertificate, isAnchor: boolean) => {
    const known = found.get(issuer.subject.key)
    if (known === undefined) found.set(issuer.subject.key, [{ issuer, isAnchor }])
    else known.push({ issuer, isAnchor })
  }
  for (const anchor of anchors) add(anchor, true)
  for (let left = intermediates; left.length > 0; ) {
    const leading = left.filter(({ issuer }) => found.has(issuer.key))
    if (leading.length === 0) break
    const rest = left.filter(({ issuer }) => !found.has(issuer.key))
    for (const intermediate of leading) add(intermediate, false)
    left = rest
  }
  return found
}

/**
 * Those whose subject is the child's issuer: anchors first, as theirs are the shortest paths, and of each
 * kind first those whose key identifier fits, which is a hint and no more. None whose name and key stand
 * in the branch already: that would be a loop, or a leaf as its own anchor.
 */
function candidates(
  { search, issuers }: Walk,
  child: ParsedCertificate,
  branch: readonly ParsedCertificate[],
): readonly Candidate[] {
  const found = issuers.get(child.issuer.key) ?? []
  return found
    .filter(({ issuer }) => !branch.some((known) => isSameEntity(known, issuer)))
    .map((candidate) => ({ candidate, rank: rankOf(candidate, child, search) }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ candidate }) => candidate)
}

/** The lower, the sooner it is tried. */
function rankOf({ issuer, isAnchor }: Candidate, child: ParsedCertificate, search: PathSearch): number {
  const isHinted =
    child.authorityKeyIdentifier !== null && issuer.subjectKeyIdentifier === child.authorityKeyIdentifier
  const isPromising = isAnchor || search.isPromising?.(issuer) !== false
  return (isPromising ? 0 : 4) + (isAnchor ? 0 : 2) + (isHinted ? 0 : 1)
}

function isSameEntity(a: ParsedCertificate, b: ParsedCertificate): boolean {
  return a.subject.key === b.subject.key && a.facts.spkiSha256 === b.facts.spkiSha256
}

/** Outcomes by child and issuer's key: configured certificates live as long as their store, and so do these. */
const outcomes = new WeakMap<ParsedCertificate, Map<string, SignatureOutcome>>()

/** Null: the search may cost no more. */
async function checkSignature(
  { budget }: Walk,
  child: ParsedCertificate,
  issuer: ParsedCertificate,
): Promise<SignatureOutcome | null> {
  const known = outcomes.get(child) ?? new Map<string, SignatureOutcome>()
  outcomes.set(child, known)
  const remembered = known.get(issuer.facts.spkiSha256)
  if (remembered !== undefined) return remembered
  budget.signatures -= 1
  if (budget.signatures < 0) return null
  const { signatureAlgorithm, tbs, signature } = child
  const outcome = await verifySignature(signatureAlgorithm, issuer.publicKey, tbs, signature)
  known.set(issuer.facts.spkiSha256, outcome)
  return outcome
}
