import { Refusal, stages } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { parseCertificate, presentedLimits } from './certificate.js'
import {
  type Examination,
  ExaminationRecord,
  factsOf,
  observeDeadEnd,
  type PathObserver,
} from './examination.js'
import type { CertificationPath } from './path.js'
import { findPaths } from './path-building.js'
import {
  type Aside,
  inPlace,
  type PathStatus,
  type PathStatusChecker,
  type StatusQuestion,
} from './path-status.js'
import { couldIssue, validatePath } from './path-validation.js'
import { RememberedCertificates } from './remembered-certificates.js'
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
  readonly #intermediates = new RememberedCertificates()

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
    aside: Aside = inPlace,
  ): Promise<VerifiedCertificate | Refusal> {
    const certificate = parseCertificate(leaf, presentedLimits)
    if (certificate instanceof Refusal) return certificate
    return this.#decide(certificate, this.#readChain(chain), { atMs, aside, observer: ignore })
  }

  /**
   * Every path that `verify` tries for this certificate, up to the one that decides, and why the others do
   * not; among them what leads to no anchor.
   *
   * @returns a refusal for what cannot be read
   */
  async examine(
    leaf: Uint8Array,
    chain: readonly Uint8Array[],
    atMs: number,
  ): Promise<Examination | Refusal> {
    const certificate = parseCertificate(leaf, presentedLimits)
    if (certificate instanceof Refusal) return certificate
    const record = new ExaminationRecord()
    await this.#decide(certificate, this.#readChain(chain), { atMs, aside: inPlace, observer: record })
    return record
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
    return this.#statusOf({ ...found, atMs, aside: inPlace })
  }

  #readChain(chain: readonly Uint8Array[]): readonly ParsedCertificate[] {
    return this.#intermediates.read(chain.slice(0, maxPresentedIntermediates))
  }

  async #decide(
    leaf: ParsedCertificate,
    presented: readonly ParsedCertificate[],
    run: Run,
  ): Promise<VerifiedCertificate | Refusal> {
    let furthest = untrusted(leaf)
    for (const trust of this.#store.trusts) {
      const found = await this.#search(trust, leaf, presented, run)
      if (found instanceof FoundPath) {
        this.#intermediates.remember(found.path.certificates.filter((one) => presented.includes(one)))
        return toVerified(trust, leaf, presented, found)
      }
      if (found.isFinal) return found.refusal
      furthest = further(furthest, found.refusal)
    }
    return furthest
  }

  async #search(
    trust: Trust,
    leaf: ParsedCertificate,
    presented: readonly ParsedCertificate[],
    { atMs, aside, observer }: Run,
  ): Promise<FoundPath | NoPath> {
    let furthest = untrusted(leaf)
    const paths = findPaths({
      leaf,
      anchors: trust.anchors,
      intermediates: known(trust, presented),
      isPromising: (intermediate) => couldIssue(intermediate, trust.require, atMs),
      onDeadEnd: (end) => observeDeadEnd(observer, trust.name, end),
    })
    for await (const path of paths) {
      const invalid = validatePath(path, trust.require, atMs)
      const status = invalid === null ? await this.#statusOf({ trust, path, presented, atMs, aside }) : null
      const refusal = invalid ?? status?.refusal ?? null
      const certificates = factsOf(path.certificates).toReversed()
      const findings = status?.findings ?? []
      observer.tried({ trust: trust.name, certificates, anchor: path.anchor.facts, refusal, findings })
      if (refusal === null) return new FoundPath(path, status)
      if (status?.endsPathOnly === false) return { refusal, isFinal: true }
      furthest = further(furthest, refusal)
    }
    return { refusal: furthest, isFinal: false }
  }

  async #statusOf(question: StatusQuestion): Promise<PathStatus | null> {
    return (await this.#status?.check(question)) ?? null
  }
}

/** What all paths of one verification have in common. */
interface Run {
  readonly atMs: number
  readonly aside: Aside
  readonly observer: PathObserver
}

const ignore: PathObserver = { tried: () => undefined, searchCut: () => undefined }

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
  Omit<StatusQuestion, 'atMs' | 'aside'> & { readonly endsAt: number }
>()

function toVerified(
  trust: Trust,
  leaf: ParsedCertificate,
  presented: readonly ParsedCertificate[],
  { path, status }: FoundPath,
): VerifiedCertificate {
  const endsAt = Math.min(...path.certificates.map(({ facts }) => facts.notAfter))
  const verified = makeVerified(leaf.facts, {
    trust: trust.name,
    path: [path.anchor, ...path.certificates].map(({ facts }) => facts.subject).toReversed(),
    validUntil: Math.min(endsAt, status?.validUntil ?? Number.POSITIVE_INFINITY),
    findings: status?.findings ?? [],
  })
  foundPaths.set(verified, { trust, path, presented, endsAt })
  return verified
}
