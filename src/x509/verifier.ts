import { Refusal, stages } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { parseCertificate, presentedLimits } from './certificate.js'
import type { CertificationPath } from './path.js'
import { findPaths } from './path-building.js'
import type { PathStatus, PathStatusChecker, StatusQuestion } from './path-status.js'
import { validatePath } from './path-validation.js'
import type { Trust, TrustStore } from './trust-store.js'
import type { VerifiedCertificate } from './verified-certificate.js'
import { takeMaker } from './verified-certificate.js'

const makeVerified = takeMaker()

/** More of what a client sends along is not looked at: reading one costs a quarter of a millisecond. */
const maxPresentedIntermediates = 40

/** Decides whether a certificate leads to an anchor of a trust by a valid path. */
export class Verifier {
  #store: TrustStore
  readonly #status: PathStatusChecker | null

  /** @param status asked of each path that is valid without it; null: revocation is not looked up */
  constructor(store: TrustStore, status: PathStatusChecker | null = null) {
    this.#store = store
    this.#status = status
  }

  /** Of the store in use: what was decided under another one counts no longer. */
  get generation(): number {
    return this.#store.generation
  }

  get trustStore(): TrustStore {
    return this.#store
  }

  /** After a reload: what is being verified ends under the store it began with. */
  replaceTrustStore(store: TrustStore): void {
    this.#store = store
  }

  /**
   * Trusts are tried in file order, the first with a valid path decides, for good: a leaf that is revoked, or
   * of which that is not known, is not tried with a later one. Otherwise the refusal of the path that got
   * furthest; `chain_untrusted` where none reached an anchor.
   *
   * @param leaf DER, as are those of the chain; of the chain, what is no certificate is passed over.
   * @param atMs milliseconds since 1970
   */
  async verify(
    leaf: Uint8Array,
    chain: readonly Uint8Array[],
    atMs: number,
  ): Promise<VerifiedCertificate | Refusal> {
    const store = this.#store
    const certificate = parseCertificate(leaf, presentedLimits)
    if (certificate instanceof Refusal) return certificate
    const presented = parsePresented(chain)
    let furthest = untrusted(certificate)
    for (const trust of store.trusts) {
      const found = await this.#search(trust, certificate, presented, atMs)
      if (found instanceof FoundPath) return toVerified(trust, certificate, presented, found)
      if (found.isFinal) return found.refusal
      furthest = further(furthest, found.refusal)
    }
    return furthest
  }

  /**
   * What revocation says now of a certificate that was verified before, by whatever verifier: its path is
   * taken as it was found.
   *
   * @returns `undefined`: its path itself has come to its end, and must be looked for anew
   */
  async recheck(certificate: VerifiedCertificate, atMs: number): Promise<PathStatus | null | undefined> {
    const found = foundPaths.get(certificate)
    if (found === undefined || atMs > found.endsAt) return undefined
    return (await this.#status?.check({ ...found, atMs })) ?? null
  }

  async #search(
    trust: Trust,
    leaf: ParsedCertificate,
    presented: readonly ParsedCertificate[],
    atMs: number,
  ): Promise<FoundPath | NoPath> {
    let furthest = untrusted(leaf)
    for await (const path of findPaths({
      leaf,
      anchors: trust.anchors,
      intermediates: known(trust, presented),
    })) {
      const refusal = validatePath(path, trust.require, atMs)
      if (refusal !== null) {
        furthest = further(furthest, refusal)
        continue
      }
      const status = (await this.#status?.check({ trust, path, presented, atMs })) ?? null
      if (status === null || status.refusal === null) return new FoundPath(path, status)
      if (!status.endsPathOnly) return { refusal: status.refusal, isFinal: true }
      furthest = further(furthest, status.refusal)
    }
    return { refusal: furthest, isFinal: false }
  }
}

class FoundPath {
  readonly path: CertificationPath
  readonly status: PathStatus | null

  constructor(path: CertificationPath, status: PathStatus | null) {
    this.path = path
    this.status = status
  }
}

interface NoPath {
  readonly refusal: Refusal
  /** No other path, and no other trust, may speak for the leaf. */
  readonly isFinal: boolean
}

function parsePresented(chain: readonly Uint8Array[]): readonly ParsedCertificate[] {
  return chain.slice(0, maxPresentedIntermediates).flatMap((der) => {
    const certificate = parseCertificate(der, presentedLimits)
    return certificate instanceof Refusal ? [] : [certificate]
  })
}

/** Configured ones and those that came with the leaf, none twice. */
function known(trust: Trust, presented: readonly ParsedCertificate[]): readonly ParsedCertificate[] {
  const configured = new Set(trust.intermediates.map(({ facts }) => facts.sha256))
  return [...trust.intermediates, ...presented.filter(({ facts }) => !configured.has(facts.sha256))]
}

function untrusted({ facts }: ParsedCertificate): Refusal {
  return new Refusal('chain_untrusted', { detail: `no path from the issuer ${facts.issuer} to an anchor` })
}

function further(a: Refusal, b: Refusal): Refusal {
  return stages.indexOf(b.stage) > stages.indexOf(a.stage) ? b : a
}

/** The paths of verified certificates, as long as somebody holds them. */
const foundPaths = new WeakMap<
  VerifiedCertificate,
  Omit<StatusQuestion, 'atMs'> & { readonly endsAt: number }
>()

function toVerified(
  trust: Trust,
  leaf: ParsedCertificate,
  presented: readonly ParsedCertificate[],
  { path, status }: FoundPath,
): VerifiedCertificate {
  const subjects = [path.anchor, ...path.certificates].map(({ facts }) => facts.subject)
  const endsAt = Math.min(...path.certificates.map(({ facts }) => facts.notAfter))
  const verified = makeVerified(leaf.facts, {
    trust: trust.name,
    path: subjects.toReversed(),
    validUntil: Math.min(endsAt, status?.validUntil ?? Number.POSITIVE_INFINITY),
    findings: status?.findings ?? [],
  })
  foundPaths.set(verified, { trust, path, presented, endsAt })
  return verified
}
