import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import type { GeneralName } from './general-names.js'
import { rdnKeys } from './name.js'
import type { NameConstraints } from './name-constraints.js'
import { matchSubtree } from './name-matching.js'
import { type CertificationPath, isSelfIssued } from './path.js'

const emailAddressType = '1.2.840.113549.1.9.1'

/** Names of one form times constraints of the same, in one path: far more than any honest path has. */
const mostComparisons = 2 ** 19

/**
 * RFC 5280 §6.1.3(b) and (c), §6.1.4(g): each name of each certificate against the constraints of every
 * certificate above it, the anchor's included (RFC 5937 §3.2). A self-issued intermediate is not judged.
 */
export function checkNameConstraints({ anchor, certificates }: CertificationPath): Refusal | null {
  const above = anchor.nameConstraints === null ? [] : [byForm(anchor.nameConstraints)]
  const budget = { comparisons: mostComparisons }
  for (const [at, certificate] of certificates.entries()) {
    const isLeaf = at === certificates.length - 1
    if (above.length > 0 && (isLeaf || !isSelfIssued(certificate))) {
      const names = namesOf(certificate)
      for (const constraints of above) {
        const problem = firstProblem(names, constraints, budget)
        if (problem !== null) return violated(certificate, problem)
      }
    }
    if (certificate.nameConstraints !== null) above.push(byForm(certificate.nameConstraints))
  }
  return null
}

interface Subtrees {
  readonly permitted: GeneralName[]
  readonly excluded: GeneralName[]
}

/** A form that no constraint is of is not constrained. */
type ConstraintsByForm = ReadonlyMap<string, Subtrees>

function byForm({ permitted, excluded }: NameConstraints): ConstraintsByForm {
  const found = new Map<string, Subtrees>()
  const of = (base: GeneralName): Subtrees => {
    const known = found.get(formOf(base)) ?? { permitted: [], excluded: [] }
    found.set(formOf(base), known)
    return known
  }
  for (const base of permitted) of(base).permitted.push(base)
  for (const base of excluded) of(base).excluded.push(base)
  return found
}

/** Of what is not handled each type is a form of its own. */
function formOf(name: GeneralName): string {
  return name.form === 'unhandled' ? `unhandled ${name.kind}` : name.form
}

/**
 * The subject, where there is one, and every alternative name. An e-mail address of the subject counts
 * whether or not there are alternative names: identity may be read from it.
 */
function namesOf({ subject, generalNames }: ParsedCertificate): readonly GeneralName[] {
  const addresses = subject.rdns
    .flat()
    .filter(({ type }) => type === emailAddressType)
    .map(({ value }): GeneralName => ({ form: 'rfc822Name', text: value }))
  const directory: GeneralName[] =
    subject.rdns.length === 0 ? [] : [{ form: 'directoryName', rdns: rdnKeys(subject.rdns) }]
  return [...directory, ...addresses, ...generalNames]
}

function firstProblem(
  names: readonly GeneralName[],
  constraints: ConstraintsByForm,
  budget: { comparisons: number },
): string | null {
  for (const name of names) {
    const subtrees = constraints.get(formOf(name))
    if (subtrees === undefined) continue
    const { permitted, excluded } = subtrees
    budget.comparisons -= permitted.length + excluded.length
    if (budget.comparisons < 0) return 'has too many names for its constraints'
    if (name.form === 'unhandled')
      return `holds a name of a form that is constrained and not known (${name.kind})`
    if (excluded.some((base) => matchSubtree(name, base) !== 'outside')) {
      return `holds a ${name.form} that is excluded`
    }
    if (permitted.length > 0 && !permitted.some((base) => matchSubtree(name, base) === 'within')) {
      return `holds a ${name.form} that is not among those permitted`
    }
  }
  return null
}

function violated({ facts }: ParsedCertificate, problem: string): Refusal {
  return new Refusal('constraint_violated', { detail: `${facts.subject} ${problem}` })
}
