import type { Clock } from '../core/clock.js'
import type { Log } from '../front/log.js'
import { type AskedPlace, type ListFreshness, revocationHealth } from '../gate/revocation-health.js'
import type { Ruling } from '../gate/ruling.js'
import type { CrlEnd } from './metrics/counts.js'
import type { GatewayMetrics } from './metrics/gateway-metrics.js'
import type { ConditionCode, Readiness } from './metrics/readiness.js'

/** A responder that nobody has asked for so long may be well again. */
const forgivenMs = 600_000

export interface RevocationWatchOptions {
  readonly log: Log
  readonly metrics: GatewayMetrics
  readonly readiness: Readiness
  readonly clock: Clock
}

interface Problem {
  readonly code: ConditionCode
  /** The condition's own words, told apart by them. */
  readonly message: string
}

/** Shows how fresh lists and answers are: as metrics, and as conditions where somebody should look. */
export class RevocationWatch {
  readonly #options: RevocationWatchOptions
  #shown: readonly Problem[] = []
  #failing: ReadonlySet<string> = new Set()

  constructor(options: RevocationWatchOptions) {
    this.#options = options
  }

  /** Called again and again; asks nobody. */
  look(ruling: Ruling): void {
    const { metrics, readiness, clock } = this.#options
    const { lists, places } = revocationHealth(ruling)
    const now = clock.now()
    metrics.crls(crlEnds(lists))
    metrics.places(places)
    const problems = [
      ...lists.flatMap((list) => lateness(list, now)),
      ...places.flatMap((place) => placeProblem(place, now)),
    ]
    for (const { code, message } of this.#shown) {
      if (!problems.some((problem) => problem.message === message)) readiness.clear(code, message)
    }
    for (const { code, message } of problems) readiness.set(code, message, message)
    this.#shown = problems
    this.#tellOfLists(places.filter(({ kind }) => kind === 'crl'))
  }

  /** Long before a list is late: once when an address begins to fail, and once when it is well again. */
  #tellOfLists(places: readonly AskedPlace[]): void {
    const { log } = this.#options
    const failing = places.filter(({ failure }) => failure !== null)
    for (const { trust, url, failure } of failing) {
      if (this.#failing.has(placeKey({ trust, url }))) continue
      log.warn({ trust, url, failure }, 'no CRL can be had: what came before holds until its end')
    }
    for (const { trust, url, failure } of places) {
      if (failure === null && this.#failing.has(placeKey({ trust, url })))
        log.info({ trust, url }, 'CRLs can be had again')
    }
    this.#failing = new Set(failing.map(placeKey))
  }
}

function placeKey({ trust, url }: Pick<AskedPlace, 'trust' | 'url'>): string {
  return `${trust} ${url}`
}

/** One for each issuer: the end that comes first. */
function crlEnds(lists: readonly ListFreshness[]): readonly CrlEnd[] {
  const ends = new Map<string, CrlEnd>()
  for (const { trust, issuer, nextUpdate } of lists) {
    const key = JSON.stringify([trust, issuer])
    const nextUpdateMs = Math.min(nextUpdate ?? 0, ends.get(key)?.nextUpdateMs ?? Number.POSITIVE_INFINITY)
    ends.set(key, { trust, issuer, nextUpdateMs })
  }
  return [...ends.values()]
}

function lateness({ trust, issuer, source, nextUpdate }: ListFreshness, now: number): Problem[] {
  const which = `trust ${trust}: the CRL of ${issuer} from ${source}`
  if (nextUpdate === null)
    return [
      { code: 'crl_late', message: `${which} does not say when the next one is due: it is not believed` },
    ]
  if (now <= nextUpdate) return []
  return [{ code: 'crl_late', message: `${which} was due for renewal ${new Date(nextUpdate).toISOString()}` }]
}

/** A place that fails while what it gave still holds is no trouble yet. */
function placeProblem(
  { trust, kind, url, succeededAt, failedAt, failure }: AskedPlace,
  now: number,
): Problem[] {
  if (failure === null) return []
  if (kind === 'crl')
    return succeededAt === null
      ? [{ code: 'crl_late', message: `trust ${trust}: no CRL from ${url}: ${failure}` }]
      : []
  if (failedAt === null || now - failedAt > forgivenMs) return []
  return [{ code: 'ocsp_unavailable', message: `trust ${trust}: the responder ${url} gives no answer` }]
}
