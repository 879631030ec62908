import type { ParsedCertificate } from '../../x509/certificate.js'
import { DerError } from '../../x509/der.js'
import { rdnKeys } from '../../x509/name.js'
import { extensionTypes } from '../../x509/object-identifiers.js'
import { type CertificateQuestion, type CertificateStatus, type StatusSource, unknown } from '../sources.js'
import type { Crl } from './crl.js'
import { isSignedByItsIssuer } from './crl-issuer.js'
import { reasonsCovered } from './crl-scope.js'
import { type DistributionPoint, readDistributionPoints } from './distribution-point.js'
import type { FetchedLists } from './fetched-lists.js'
import { allReasons, type Reasons } from './reasons.js'
import type { RevokedEntry } from './revoked-entries.js'

export interface CrlSourceOptions {
  /** What is loaded now, of whatever issuers. */
  readonly lists: () => readonly Crl[]
  /** Where more can be had; null: there is no such place. */
  readonly fetched: Fetched | null
  /** How long after its nextUpdate a list still says that a certificate is good. */
  readonly graceMs: number
}

export type Fetched = Pick<FetchedLists, 'note' | 'bring' | 'failureFor'>

/** Lists about the issuers of lists about the issuers of lists: no authority is built higher. */
const mostNested = 3

/** CRLReason removeFromCRL, which only a delta list holds (RFC 5280 §5.3.1). */
const removeFromCrl = 8

/** Answers by lists of revoked certificates (RFC 5280 §6.3.3). */
export class CrlSource implements StatusSource {
  readonly #options: CrlSourceOptions

  constructor(options: CrlSourceOptions) {
    this.#options = options
  }

  /** Waits for nobody where what is at hand settles it. */
  async status(question: CertificateQuestion): Promise<CertificateStatus> {
    const { fetched } = this.#options
    fetched?.note(question)
    const found = await this.#statusBeside(question, [])
    if (found.kind !== 'unknown' || fetched === null) return found
    return question.aside(() => this.#statusByFetched(question, fetched))
  }

  /** Looks again whenever there may be more at hand: one place that hangs does not hold up what others say. */
  async #statusByFetched(question: CertificateQuestion, fetched: Fetched): Promise<CertificateStatus> {
    let found = unknown('no CRL speaks of it')
    await fetched.bring(question, async () => {
      found = await this.#statusBeside(question, [])
      return found.kind !== 'unknown'
    })
    if (found.kind !== 'unknown') return found
    const failure = fetched.failureFor(question)
    return failure === null ? found : { ...found, detail: `${found.detail ?? ''}; ${failure}` }
  }

  /** @param asking lists whose own issuers are in question: they say nothing meanwhile */
  async #statusBeside(question: CertificateQuestion, asking: readonly Crl[]): Promise<CertificateStatus> {
    const { certificate } = question
    const points = pointsOf(certificate)
    if (points === null) return unknown('its CRL distribution points cannot be read')
    const { graceMs } = this.#options
    const lists = this.#options.lists().filter((crl) => !asking.includes(crl))
    const isRevoked = async (crl: Crl, about: CertificateQuestion): Promise<boolean> => {
      if (asking.length >= mostNested) return false
      return (await this.#statusBeside(about, [...asking, crl])).kind === 'revoked'
    }
    const search = new Search(question, { lists, graceMs, isRevoked })
    for (const point of points) {
      const revoked = await search.look(point)
      if (revoked !== null) return revoked
      if (search.isComplete) return search.good()
    }
    return unknown(search.why)
  }
}

/** The points that the certificate names, and the one that every certificate has (§6.3.3, last paragraph). */
function pointsOf(certificate: ParsedCertificate): readonly DistributionPoint[] | null {
  const extension = certificate.extensions.get(extensionTypes.crlDistributionPoints)
  const rdns = rdnKeys(certificate.issuer.rdns)
  const implied: DistributionPoint = {
    name: { kind: 'full', names: [{ form: 'directoryName', rdns }] },
    reasons: null,
    crlIssuer: null,
  }
  if (extension === undefined) return [implied]
  try {
    return [...readDistributionPoints(extension.value), implied]
  } catch (error) {
    if (error instanceof DerError) return null
    throw error
  }
}

interface SearchOptions {
  readonly lists: readonly Crl[]
  readonly graceMs: number
  /** Whether a certificate of the issuer of this list is revoked, by other lists. */
  readonly isRevoked: (crl: Crl, about: CertificateQuestion) => Promise<boolean>
}

/** One certificate against all lists: until one names it, or all reasons are spoken for. */
class Search {
  readonly #question: CertificateQuestion
  readonly #options: SearchOptions
  #covered: Reasons = 0
  readonly #believed: Crl[] = []
  #why = 'no CRL speaks of it'

  constructor(question: CertificateQuestion, options: SearchOptions) {
    this.#question = question
    this.#options = options
  }

  get isComplete(): boolean {
    return this.#covered === allReasons
  }

  get why(): string {
    return this.#why
  }

  good(): CertificateStatus {
    const [latest] = this.#believed
    return {
      kind: 'good',
      source: latest?.source ?? null,
      thisUpdate: latest?.head.thisUpdate ?? null,
      validUntil: Math.min(...this.#believed.map((crl) => endOf(crl, this.#options.graceMs))),
      detail: null,
    }
  }

  /** @returns `revoked` where a list names the certificate */
  async look(point: DistributionPoint): Promise<CertificateStatus | null> {
    const { certificate, atMs } = this.#question
    // The newest of an issuer first: an older one adds nothing to what it has said.
    const complete = this.#options.lists
      .filter(({ head }) => head.baseNumber === null)
      .toSorted((a, b) => b.head.thisUpdate - a.head.thisUpdate)
    for (const crl of complete) {
      const reasons = reasonsCovered(crl, certificate, point)
      if ((reasons & ~this.#covered) === 0) continue
      if (!(await this.#isUsable(crl))) continue
      const delta = await this.#deltaFor(crl, point)
      const entry = this.#entryIn(crl, delta)
      if (entry !== null) return revoked(delta ?? crl, entry)
      if (atMs > endOf(crl, this.#options.graceMs)) {
        this.#why = `the CRL from ${crl.source} was due for renewal`
        continue
      }
      this.#covered |= reasons
      this.#believed.push(crl, ...(delta === null ? [] : [delta]))
    }
    return null
  }

  /** Signed by who may, understood, and begun. Whether it has lapsed is another question: see `look`. */
  async #isUsable(crl: Crl): Promise<boolean> {
    if (!crl.isUnderstood) {
      this.#why = `the CRL from ${crl.source} holds a critical extension that is not known`
      return false
    }
    if (crl.head.thisUpdate > this.#question.atMs) {
      this.#why = `the CRL from ${crl.source} is of the future`
      return false
    }
    const isRevoked = (about: CertificateQuestion) => this.#options.isRevoked(crl, about)
    if (await isSignedByItsIssuer(crl, this.#question, isRevoked)) return true
    this.#why = `the CRL from ${crl.source} is not signed by an issuer that leads to the anchor`
    return false
  }

  /** §6.3.3(c) and (h): the newest list of changes that fits this one and has not lapsed. */
  async #deltaFor(crl: Crl, point: DistributionPoint): Promise<Crl | null> {
    const { atMs, certificate } = this.#question
    const fitting = this.#options.lists
      .filter((delta) => isDeltaOf(delta, crl) && reasonsCovered(delta, certificate, point) !== 0)
      .filter(({ head }) => head.nextUpdate !== null && atMs <= head.nextUpdate)
      .toSorted((a, b) => b.head.thisUpdate - a.head.thisUpdate)
    for (const delta of fitting) if (await this.#isUsable(delta)) return delta
    return null
  }

  /** What the changes say counts before what the complete list says; a certificate may have come off it. */
  #entryIn(crl: Crl, delta: Crl | null): RevokedEntry | null {
    const { serialNumber, issuer } = this.#question.certificate
    const changed = delta?.entries.find(serialNumber, issuer.key) ?? null
    if (changed !== null) return changed.reason === removeFromCrl ? null : changed
    return crl.entries.find(serialNumber, issuer.key)
  }
}

function isDeltaOf(delta: Crl, { head: complete }: Crl): boolean {
  const { baseNumber, number, issuer, scope, authorityKeyIdentifier } = delta.head
  return (
    baseNumber !== null &&
    number !== null &&
    complete.number !== null &&
    baseNumber <= complete.number &&
    complete.number < number &&
    issuer.key === complete.issuer.key &&
    (scope?.encoding ?? null) === (complete.scope?.encoding ?? null) &&
    authorityKeyIdentifier === complete.authorityKeyIdentifier
  )
}

/** A list that does not say when its next one is due has no time in which it could be believed (§5.1.2.5). */
function endOf({ head }: Crl, graceMs: number): number {
  return head.nextUpdate === null ? Number.NEGATIVE_INFINITY : head.nextUpdate + graceMs
}

const reasonNames = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'unused',
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
]

function revoked(crl: Crl, { revokedAt, reason }: RevokedEntry): CertificateStatus {
  const why = reason === null ? '' : ` (${reasonNames[reason] ?? 'unspecified'})`
  return {
    kind: 'revoked',
    source: crl.source,
    thisUpdate: crl.head.thisUpdate,
    validUntil: crl.head.nextUpdate ?? Number.POSITIVE_INFINITY,
    detail: `revoked ${new Date(revokedAt).toISOString()}${why}`,
  }
}
