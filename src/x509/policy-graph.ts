import type { PolicyInformation, PolicyMapping } from './certificate-policies.js'
import { anyPolicy } from './object-identifiers.js'

/** One policy at one depth; the tree of RFC 5280 with the nodes of one policy and depth made one. */
interface PolicyNode {
  readonly policy: string
  readonly parents: readonly PolicyNode[]
  expected: ReadonlySet<string>
}

/**
 * The valid policies of a path (RFC 5280 §6.1.2(a)) as the graph of RFC 9618: the tree grows with the power
 * of the path's length, the graph with the number of policies.
 */
export class PolicyGraph {
  /** The policies of the latest certificate; null: there is no policy under which the path is valid. */
  #level: ReadonlyMap<string, PolicyNode> | null = new Map([[anyPolicy, root()]])

  get isEmpty(): boolean {
    return this.#level === null
  }

  /** §6.1.3(d) and (e). @param policies null: the certificate has none */
  addCertificate(policies: readonly PolicyInformation[] | null, anyPolicyCounts: boolean): void {
    const above = this.#level
    if (above === null) return
    if (policies === null) {
      this.#level = null
      return
    }
    const level = new Map<string, PolicyNode>()
    const named = policies.map(({ policy }) => policy)
    const expecting = parentsByExpected(above)
    const any = above.get(anyPolicy)
    for (const policy of named.filter((one) => one !== anyPolicy)) {
      const parents = expecting.get(policy) ?? (any === undefined ? [] : [any])
      if (parents.length > 0) level.set(policy, node(policy, parents))
    }
    if (named.includes(anyPolicy) && anyPolicyCounts) {
      for (const [policy, parents] of expecting) {
        if (!level.has(policy)) level.set(policy, node(policy, parents))
      }
    }
    this.#keep(level)
  }

  /** §6.1.4(b). @param mappingCounts false: what is mapped ends there */
  map(mappings: readonly PolicyMapping[], mappingCounts: boolean): void {
    if (this.#level === null) return
    const level = new Map(this.#level)
    const targets = new Map<string, Set<string>>()
    for (const { issuerPolicy, subjectPolicy } of mappings) {
      const found = targets.get(issuerPolicy) ?? new Set()
      targets.set(issuerPolicy, found.add(subjectPolicy))
    }
    for (const [policy, subjects] of targets) {
      if (!mappingCounts) {
        level.delete(policy)
        continue
      }
      const known = level.get(policy)
      const any = level.get(anyPolicy)
      if (known !== undefined) known.expected = subjects
      else if (any !== undefined) level.set(policy, { policy, parents: any.parents, expected: subjects })
    }
    this.#keep(level)
  }

  /** §6.1.5(g). @param initial the user-initial-policy-set; anyPolicy in it stands for all */
  hasPolicyOf(initial: ReadonlySet<string>): boolean {
    if (this.#level === null) return false
    if (initial.size === 0) return false
    if (initial.has(anyPolicy)) return true
    const known = new Map<PolicyNode, boolean>()
    return [...this.#level.values()].some((one) => isAcceptable(one, initial, known))
  }

  #keep(level: ReadonlyMap<string, PolicyNode>): void {
    this.#level = level.size === 0 ? null : level
  }
}

function root(): PolicyNode {
  return { policy: anyPolicy, parents: [], expected: new Set([anyPolicy]) }
}

function node(policy: string, parents: readonly PolicyNode[]): PolicyNode {
  return { policy, parents, expected: new Set([policy]) }
}

function parentsByExpected(level: ReadonlyMap<string, PolicyNode>): ReadonlyMap<string, PolicyNode[]> {
  const found = new Map<string, PolicyNode[]>()
  for (const one of level.values()) {
    for (const expected of one.expected) {
      const parents = found.get(expected)
      if (parents === undefined) found.set(expected, [one])
      else parents.push(one)
    }
  }
  return found
}

/** A policy counts under the name that it has in the domain of the anchor: where its parent is anyPolicy. */
function isAcceptable(
  one: PolicyNode,
  initial: ReadonlySet<string>,
  known: Map<PolicyNode, boolean>,
): boolean {
  if (one.policy === anyPolicy) return true
  const before = known.get(one)
  if (before !== undefined) return before
  const found = one.parents.some((parent) =>
    parent.policy === anyPolicy ? initial.has(one.policy) : isAcceptable(parent, initial, known),
  )
  known.set(one, found)
  return found
}
