import { Refusal } from '../core/refusals.js'
import type { CollectedHeaders } from './header-walk.js'

/** What the rules look at; the certificate's user would be acted for. */
export interface CrossSiteQuestion {
  readonly method: string
  readonly upgrade: boolean
  readonly headers: CollectedHeaders
}

/**
 * The credential goes only where a `SameSite=Lax` cookie would: not where another site makes the browser
 * ask, except for opening a page from a link (interface.md, "origins"; Fetch Metadata, W3C).
 *
 * @param origins `public.url` and `public.origins`, as browsers write them
 */
export function crossSiteRefusal(
  { method, upgrade, headers }: CrossSiteQuestion,
  origins: ReadonlySet<string>,
): Refusal | null {
  const origin = headers.origin
  if (origin !== undefined) {
    if (origin.every((value) => origins.has(value))) return null
    const foreign = foreignOriginRefusal(method, upgrade, headers, origin)
    if (foreign !== null) return foreign
  }
  return upgrade ? null : fetchMetadataRefusal(method, headers)
}

function foreignOriginRefusal(
  method: string,
  upgrade: boolean,
  headers: CollectedHeaders,
  origin: readonly string[],
): Refusal | null {
  const refusal = new Refusal('cross_site', { detail: `the Origin is ${origin.join(', ')}` })
  if (upgrade) return refusal
  if (method === 'GET' || method === 'HEAD') return null
  // A form on a page without referrer sends `null`; the browser itself says that it is the same site.
  const formOfOwnPage =
    origin.every((value) => value === 'null') && only(headers.secFetchSite) === 'same-origin'
  return formOfOwnPage ? null : refusal
}

function fetchMetadataRefusal(method: string, headers: CollectedHeaders): Refusal | null {
  const sites = headers.secFetchSite
  if (sites === undefined) return null
  if (sites.every((site) => site === 'same-origin' || site === 'none')) return null
  const opensPage =
    method === 'GET' && only(headers.secFetchMode) === 'navigate' && only(headers.secFetchDest) === 'document'
  if (opensPage) return null
  return new Refusal('cross_site', { detail: `Sec-Fetch-Site is ${sites.join(', ')}` })
}

function only(values: readonly string[] | undefined): string | null {
  return values?.length === 1 ? (values[0] ?? null) : null
}
