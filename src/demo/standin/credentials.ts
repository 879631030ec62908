import type { IncomingHttpHeaders } from 'node:http'

/** A credential as it was presented. An empty token counts as none, yet hides those of later places. */
export interface Presented {
  readonly token: string
  readonly place: 'cookie' | 'header' | 'query'
}

/** Rule 12: API paths look at the cookie, then the header, then the query. The first that is there counts. */
export function credentialOfApi(headers: IncomingHttpHeaders, query: URLSearchParams): Presented | null {
  return ofCookie(headers) ?? ofHeader(headers) ?? ofQuery(query)
}

/** Rule 53: plugin routes prefer the header to the cookie. */
export function credentialOfPlugin(headers: IncomingHttpHeaders, query: URLSearchParams): Presented | null {
  return ofHeader(headers) ?? ofCookie(headers) ?? ofQuery(query)
}

function ofCookie(headers: IncomingHttpHeaders): Presented | null {
  const token = cookieValue(headers.cookie, 'MMAUTHTOKEN')
  return token === null ? null : { token, place: 'cookie' }
}

function ofHeader(headers: IncomingHttpHeaders): Presented | null {
  const found = /^(?:bearer|token) (.*)$/i.exec(headers.authorization ?? '')
  return found === null ? null : { token: found[1] ?? '', place: 'header' }
}

function ofQuery(query: URLSearchParams): Presented | null {
  const token = query.get('access_token')
  return token === null ? null : { token, place: 'query' }
}

/** The value of the first cookie of that name, unquoted; names are case-sensitive. */
export function cookieValue(header: string | undefined, name: string): string | null {
  for (const pair of (header ?? '').split(';')) {
    const [key, ...rest] = pair.trim().split('=')
    if (key === name && rest.length > 0) return rest.join('=').replace(/^"(.*)"$/, '$1')
  }
  return null
}
