import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import type { GeneralName } from './general-names.js'
import { rdnKeys } from './name.js'
import type { NameConstraints } from './name-constraints.js'
import { type Subtrees, subtreesOf } from './name-matching.js'
import { type CertificationPath, isSelfIssued } from './path.js'

const emailAddressType = '1.2.840.113549.1.9.1'

/**
 * Names times constraints of their form, of one certificate and one above it. OpenSSL and BoringSSL refuse
 * what is beyond it for the time that it takes them, and one certificate should be worth the same everywhere.
 */
const mostComparisons = 2 ** 20

/**
 * RFC 5280 §6.1.3(b) and (c), §6.1.4(g): each name of each certificate against the constraints of every
 * certificate above it, the anchor's included (RFC 5937 §3.2). A self-issued intermediate is not judged.
 */
export function checkNameConstraints({ anchor, certificates }: CertificationPath): Refusal | null {
  const above = anchor.nameConstraints === null ? [] : [byForm(anchor.nameConstraints)]
  for (const [at, certificate] of certificates.entries()) {
    const isLeaf = at === certificates.length - 1
    if (above.length > 0 && (isLeaf || !isSelfIssued(certificate))) {
      const names = namesOf(certificate)
      for (const constraints of above) {
        const problem = firstProblem(names, constraints)
        if (problem !== null) return violated(certificate, problem)
      }
    }
    if (certificate.nameConstraints !== null) above.push(byForm(certificate.nameConstraints))
  }
  return null
}

interface FormConstraints {
  readonly permitted: Subtrees
  readonly excluded: Subtrees
}

/** A form that no constraint is of is not constrained. */
type ConstraintsByForm = ReadonlyMap<string, FormConstraints>

/** Those of configured authorities live as long as their store, and so does what was made of them. */
const prepared = new WeakMap<NameConstraints, ConstraintsByForm>()

function byForm(constraints: NameConstraints): ConstraintsByForm {
  const known = prepared.get(constraints)
  if (known !== undefined) return known
  const permitted = grouped(constraints.permitted)
  const excluded = grouped(constraints.excluded)
  const found = new Map<string, FormConstraints>()
  for (const [key, [first]] of [...permitted, ...excluded]) {
    if (first === undefined) continue
    const { form } = first
    found.set(key, {
      permitted: subtreesOf(form, permitted.get(key) ?? []),
      excluded: subtreesOf(form, excluded.get(key) ?? []),
    })
  }
  prepared.set(constraints, found)
  return found
}

function grouped(bases: readonly GeneralName[]): ReadonlyMap<string, readonly GeneralName[]> {
  const groups = new Map<string, GeneralName[]>()
  for (const base of bases) {
    const group = groups.get(formOf(base))
    if (group === undefined) groups.set(formOf(base), [base])
    else group.push(base)
  }
  return groups
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

function firstProblem(names: readonly GeneralName[], constraints: ConstraintsByForm): string | null {
  let comparisons = 0
  for (const name of names) {
    const subtrees = constraints.get(formOf(name))
    if (subtrees === undefined) continue
    const { permitted, excluded } = subtrees
    comparisons += permitted.size + excluded.size
    if (comparisons > mostComparisons) return 'has too many names for its constraints'
    if (name.form === 'unhandled') {
      return `holds a name of a form that is constrained and not known (${name.kind})`
    }
    if (excluded.size > 0 && excluded.match(name) !== 'outside')
      return `holds a ${name.form} that is excluded`
    if (permitted.size > 0 && permitted.match(name) !== 'within') {
      return `holds a ${name.form} that is not among those permitted`
    }
  }
  return null
}

function violated({ facts }: ParsedCertificate, problem: string): Refusal {
  return new Refusal('constraint_violated', { detail: `${facts.subject} ${problem}` })
}
