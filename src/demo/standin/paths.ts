/** A request target as Mattermost sees it (rule 8): decoded once, or where it sends the caller instead. */
export type SeenTarget =
  | { readonly kind: 'path'; readonly path: string; readonly query: string }
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'malformed' }

/**
 * Reads a request target the way Go's net/http and gorilla/mux do: an absolute form loses its origin, the
 * path is percent-decoded once with `%2F`, dot segments and doubled slashes lead to a 301.
 */
export function readTarget(target: string): SeenTarget {
  const origin = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i.exec(target)
  const local = origin === null ? target : target.slice(origin[0].length) || '/'
  if (!local.startsWith('/')) return { kind: 'malformed' }
  const mark = local.indexOf('?')
  const encoded = mark === -1 ? local : local.slice(0, mark)
  const query = mark === -1 ? '' : local.slice(mark + 1)
  const path = decodeOnce(encoded)
  if (path === null) return { kind: 'malformed' }
  const clean = cleanPath(path)
  if (clean === path) return { kind: 'path', path, query }
  return { kind: 'redirect', location: encodeURI(clean) + (query === '' ? '' : `?${query}`) }
}

function decodeOnce(encoded: string): string | null {
  if (/%(?![0-9a-f]{2})/i.test(encoded)) return null
  // Bytes that are no UTF-8 stay in the path in Go; here they become U+FFFD, which no route matches.
  const bytes = encoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function cleanPath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const clean = `/${kept.join('/')}`
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean
}
