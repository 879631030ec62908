import type { Crl } from '../revocation/crl/crl.js'
import { formatDistinguishedName } from '../x509/distinguished-name-text.js'
import type { Ruling } from './ruling.js'

/** How fresh a list is that is in use: the newest of its issuer and scope. */
export interface ListFreshness {
  readonly trust: string
  /** RFC 4514 text. */
  readonly issuer: string
  /** The file or URL that it came from. */
  readonly source: string
  /** Milliseconds since 1970, as are all moments here. */
  readonly thisUpdate: number
  /** Null: not stated, so that it is never believed. */
  readonly nextUpdate: number | null
}

/** How an address does that is asked for lists or answers. */
export interface AskedPlace {
  readonly trust: string
  readonly kind: 'crl' | 'ocsp'
  readonly url: string
  /** When it last gave what was believed; null: never since the start. */
  readonly succeededAt: number | null
  readonly failedAt: number | null
  /** Why, where that was the last thing that happened; null: all is well. */
  readonly failure: string | null
}

export interface RevocationHealth {
  readonly lists: readonly ListFreshness[]
  readonly places: readonly AskedPlace[]
}

/** What is known of the freshness of revocation; asks nobody. */
export function revocationHealth({ config, lists, askers }: Pick<Ruling, 'config' | 'lists' | 'askers'>) {
  const found: { lists: ListFreshness[]; places: AskedPlace[] } = { lists: [], places: [] }
  for (const { name: trust } of config.trust) {
    const fetched = askers.lists.get(trust)?.source
    const all = [...(lists.get(trust) ?? []), ...(fetched?.lists ?? [])]
    found.lists.push(...newest(all).map((crl) => freshnessOf(trust, crl)))
    for (const { fetchedAt, ...condition } of fetched?.conditions ?? [])
      found.places.push({ trust, kind: 'crl', succeededAt: fetchedAt, ...condition })
    for (const { answeredAt, ...condition } of askers.responders.get(trust)?.source.conditions ?? [])
      found.places.push({ trust, kind: 'ocsp', succeededAt: answeredAt, ...condition })
  }
  return found satisfies RevocationHealth
}

/** An older one beside it does no harm, however late it is. */
function newest(lists: readonly Crl[]): readonly Crl[] {
  const byScope = new Map<string, Crl>()
  for (const crl of lists) {
    const { issuer, scope, baseNumber } = crl.head
    const key = JSON.stringify([issuer.key, scope?.encoding ?? null, baseNumber === null])
    const known = byScope.get(key)
    if (known === undefined || known.head.thisUpdate < crl.head.thisUpdate) byScope.set(key, crl)
  }
  return [...byScope.values()]
}

function freshnessOf(trust: string, { source, head }: Crl): ListFreshness {
  const { issuer, thisUpdate, nextUpdate } = head
  return { trust, issuer: formatDistinguishedName(issuer.rdns), source, thisUpdate, nextUpdate }
}
