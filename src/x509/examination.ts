import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import type { DeadEnd } from './path-building.js'
import type { StatusFinding } from './path-status.js'
import type { CertificateFacts } from './verified-certificate.js'

/** One path that was tried, for `explain`. */
export interface ExaminedPath {
  readonly trust: string
  /** From the leaf upward, below the anchor; without an anchor as far as it got, the last being in doubt. */
  readonly certificates: readonly CertificateFacts[]
  /** Null: none was reached. */
  readonly anchor: CertificateFacts | null
  /** Why it does not do; null: it is valid, and decided. */
  readonly refusal: Refusal | null
  /** What revocation said; empty where the path was not valid without it. */
  readonly findings: readonly StatusFinding[]
}

export interface Examination {
  /** In the order in which they were tried. */
  readonly paths: readonly ExaminedPath[]
  /** More failed than are listed. */
  readonly isCut: boolean
  /** A search came to the end of what it may cost: there are more ways to go than were tried. */
  readonly isSearchCut: boolean
}

/** Told of what the verifier tries. */
export interface PathObserver {
  readonly tried: (path: ExaminedPath) => void
  readonly searchCut: () => void
}

const mostListed = 64

export class ExaminationRecord implements Examination, PathObserver {
  readonly paths: ExaminedPath[] = []
  isCut = false
  isSearchCut = false

  readonly tried = (path: ExaminedPath): void => {
    // However many failed before it, the one that decided is never left out.
    if (path.refusal === null || this.paths.length < mostListed) this.paths.push(path)
    else this.isCut = true
  }

  readonly searchCut = (): void => {
    this.isSearchCut = true
  }
}

export function observeDeadEnd(observer: PathObserver, trust: string, { branch, why }: DeadEnd): void {
  if (why === 'too costly') {
    observer.searchCut()
    return
  }
  const refusal = new Refusal('chain_untrusted', { detail: describe(branch, why) })
  observer.tried({ trust, certificates: factsOf(branch), anchor: null, refusal, findings: [] })
}

export function factsOf(certificates: readonly ParsedCertificate[]): readonly CertificateFacts[] {
  return certificates.map(({ facts }) => facts)
}

function describe(branch: DeadEnd['branch'], why: Exclude<DeadEnd['why'], 'too costly'>): string {
  const last = branch[branch.length - 1]
  const [subject, issuer] = [last?.facts.subject ?? '', last?.facts.issuer ?? '']
  switch (why) {
    case 'no issuer':
      return `no certificate of ${issuer} leads to an anchor`
    case 'bad signature':
      return `a certificate of ${subject} has another key than the one that signed`
    case 'too long':
      return `the path is too long at ${subject}`
  }
}
