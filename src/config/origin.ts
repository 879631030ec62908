/** An origin, or what is wrong with the text: one of both. */
export type ParsedOrigin =
  | { readonly origin: string; readonly problem: null }
  | { readonly origin: null; readonly problem: string }

/** Labels of a host name, or a bracketed IPv6 address, as the URL parser leaves them. */
const hostPattern =
  /^(?:[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])$/

/** Scheme, lower-case host, and the port unless it is the scheme's own (RFC 6454 §4). */
export function parseOrigin(text: string): ParsedOrigin {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    return wrong(
      `'${withoutUserInfo(text)}' is no http or https address: write it as https://chat.example.com`,
    )
  }
  // The parser mends these silently, and what an operator wrote would not be what he gets.
  if (!/^https?:\/\//i.test(text) || /[\s\\]/.test(text)) {
    return wrong('holds a space, a backslash or a lone slash: write it as https://chat.example.com')
  }
  if (url.username !== '' || url.password !== '' || text.includes('@')) {
    return wrong('holds a user name or password: write scheme and host alone')
  }
  if (url.pathname !== '/' || text.includes('?') || text.includes('#')) {
    return wrong(`has a path, query or fragment, which is not supported: write ${url.origin}`)
  }
  if (!hostPattern.test(url.hostname)) {
    return wrong(`'${url.hostname}' is no single host: write the name in full, without wildcards`)
  }
  return { origin: url.origin, problem: null }
}

/** Whether the host of an origin is this machine alone. */
export function isLoopbackOrigin(origin: string): boolean {
  const { hostname } = new URL(origin)
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname.startsWith('127.') ||
    hostname === '[::1]'
  )
}

function wrong(problem: string): ParsedOrigin {
  return { origin: null, problem }
}

/** A password in an address does not go into messages. */
function withoutUserInfo(text: string): string {
  return text.replace(/^(.*?:\/*)[^@]*@/, '$1')
}
