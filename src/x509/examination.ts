import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import type { DeadEnd } from './path-building.js'
import type { StatusFinding } from './path-status.js'

/** One path that was tried, for `explain`. */
export interface ExaminedPath {
  readonly trust: string
  /** Subjects from the leaf upward, RFC 4514 text; the last is the anchor where one was reached. */
  readonly path: readonly string[]
  readonly reachesAnchor: boolean
  /** Why it does not do; null: it is valid, and decided. */
  readonly refusal: Refusal | null
  /** What revocation said; empty where the path was not valid without it. */
  readonly findings: readonly StatusFinding[]
}

export interface Examination {
  /** In the order in which they were tried. */
  readonly paths: readonly ExaminedPath[]
  /** More were tried than are listed. */
  readonly isCut: boolean
}

/** Told of each path that the verifier tries. */
export type PathObserver = (path: ExaminedPath) => void

const mostListed = 64

export class ExaminationRecord implements Examination {
  readonly paths: ExaminedPath[] = []
  isCut = false

  readonly add: PathObserver = (path) => {
    if (this.paths.length < mostListed) this.paths.push(path)
    else this.isCut = true
  }
}

export function examinedDeadEnd(trust: string, end: DeadEnd): ExaminedPath {
  const refusal = new Refusal('chain_untrusted', { detail: describe(end) })
  return { trust, path: subjectsOf(end.branch), reachesAnchor: false, refusal, findings: [] }
}

export function subjectsOf(certificates: readonly ParsedCertificate[]): readonly string[] {
  return certificates.map(({ facts }) => facts.subject)
}

function describe({ branch, why }: DeadEnd): string {
  const last = branch[branch.length - 1]
  const [subject, issuer] = [last?.facts.subject ?? '', last?.facts.issuer ?? '']
  switch (why) {
    case 'no issuer':
      return `no certificate of ${issuer} leads to an anchor`
    case 'bad signature':
      return `a certificate of ${subject} has another key than the one that signed`
    case 'too long':
      return `the path is too long at ${subject}`
    case 'too costly':
      return 'there are more ways to go than are tried'
  }
}
