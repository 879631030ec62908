import { isIP } from 'node:net'
import { parseAddressRange } from './address-range.js'
import type { IssueList } from './issue-list.js'
import { findValues } from './key-path.js'
import { parseOrigin } from './origin.js'
import { compilePattern } from './pattern.js'
import { parseDuration, parseSize } from './units.js'

/** Says what is wrong with one value and what to do; null: nothing. */
type Check = (text: string) => string | null

const checks: readonly (readonly [pattern: string, check: Check])[] = [
  ['listen.socket', checkSocketPath],
  ['listen.host', checkHost],
  ['public.url', checkOrigin],
  ['public.origins.*', checkOrigin],
  ['proxy.trusted.*', checkAddressRange],
  ['proxy.certificateHeader', checkHeaderName],
  ['proxy.subjectHeader', checkHeaderName],
  ['proxy.verifyHeader', checkHeaderName],
  ['trust.*.identity.*.pattern', checkPattern],
  ['trust.*.revocation.crl.*', checkListPlace],
  ['trust.*.revocation.responder', checkResponderUrl],
  ['trust.*.revocation.fetch.allow.*', checkAllowedHost],
  ['trust.*.require.policies.*', checkPolicy],
  ['mattermost.url', checkOrigin],
  ['mattermost.admin.socket', checkSocketPath],
  ['mattermost.directoryCache', atLeast(1_000)],
  ['routes.*.path', checkRoutePath],
  ['limits.headerBytes', sizeFrom(4_096, 16 * 1_048_576)],
  ['limits.bodyBytes', sizeFrom(1, Number.MAX_SAFE_INTEGER)],
  ['limits.certificateBytes', sizeFrom(1_024, 16 * 1_048_576)],
  ['timeouts.header', atLeast(1)],
  ['timeouts.upstreamConnect', atLeast(1)],
  ['timeouts.upstreamAnswer', atLeast(1)],
  ['timeouts.websocketIdle', atLeast(1)],
  ['timeouts.clientIdle', atLeast(1)],
  ['timeouts.drain', atLeast(0)],
]

/** Judges each value by itself, whatever is wrong elsewhere. */
export function checkLeaves(root: unknown, issues: IssueList): void {
  for (const [pattern, check] of checks) {
    for (const { path, value } of findValues(root, pattern)) {
      const problem = typeof value === 'string' && value !== '' ? check(value) : null
      if (problem !== null) issues.add(path, problem)
    }
  }
}

/** sockaddr_un holds 108 bytes, the last of them NUL. */
function checkSocketPath(path: string): string | null {
  const tooLong = Buffer.byteLength(path) > 107
  return tooLong ? 'is longer than the 107 bytes that a unix socket may have: choose a shorter path' : null
}

function checkHost(host: string): string | null {
  const fits = isIP(host) !== 0 || /^(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$/.test(host)
  return fits ? null : `'${host}' is no address: write an IP address without a port, such as 127.0.0.1`
}

function checkOrigin(url: string): string | null {
  const origin = parseOrigin(url)
  return origin.problem
}

function checkResponderUrl(url: string): string | null {
  return isFetchable(url)
    ? null
    : `${shown(url)} is no address of a responder: write it as http://ocsp.example.com`
}

/** A file, a folder or a URL. */
function checkListPlace(place: string): string | null {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(place) || isFetchable(place)) return null
  return `${shown(place)} is no address of a CRL: write it as http://pki.example.com/ca.crl`
}

function isFetchable(url: string): boolean {
  const { protocol, username, password } = URL.canParse(url) ? new URL(url) : noUrl
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

/** A password is not shown. */
function shown(url: string): string {
  return url.includes('@') ? 'what has a user name before its host' : `'${url}'`
}

const noUrl = { protocol: '', username: '', password: '' }

function checkAllowedHost(host: string): string | null {
  const fits = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:\d{1,5})?$/.test(host)
  return fits ? null : `'${host}' is no host: write its name alone, such as pki.example.com, or with a port`
}

function checkPolicy(policy: string): string | null {
  const fits = /^[0-2](\.(0|[1-9]\d{0,38})){1,40}$/.test(policy)
  return fits
    ? null
    : `'${policy}' is no policy: write its object identifier, such as 2.16.840.1.101.2.1.11.42`
}

function checkAddressRange(range: string): string | null {
  if (parseAddressRange(range) !== null) return null
  return `'${range}' is no address range: write an address and a prefix length, such as 10.0.0.0/8 or "::1/128"`
}

/** Fields that mean something of their own to HTTP or to this gateway. */
const takenHeaders: ReadonlySet<string> = new Set([
  'accept',
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'host',
  'origin',
  'proxy-connection',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'transfer-encoding',
  'upgrade',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-mattergate-proxy-refusal',
  'x-mattergate-proxy-secret',
  'x-real-ip',
])

function checkHeaderName(name: string): string | null {
  if (!takenHeaders.has(name.toLowerCase())) return null
  return `'${name}' has another meaning already: choose a name of its own, such as X-SSL-Client-Cert`
}

function checkPattern(pattern: string): string | null {
  return compilePattern(pattern).problem
}

function checkRoutePath(path: string): string | null {
  if (!path.startsWith('/')) return `'${path}' does not begin with a slash: write it as /hooks/*`
  if (path.slice(0, -1).includes('*')) return "'*' may stand at the end only: write a line for each path"
  if (/[?#\\%\p{Cc}]/u.test(path)) {
    return 'holds one of ? # % \\ or a control character: write the decoded path alone, without query and escapes'
  }
  if (path.includes('//') || /\/\.{1,2}(?=$|[/;])/.test(path)) {
    return "holds '//' or a dot segment, which no accepted request has: write the plain path"
  }
  return null
}

/** The longest delay that a timer of Node takes. */
const longestMs = 2 ** 31 - 1

function atLeast(leastMs: number): Check {
  return (text) => {
    const ms = parseDuration(text)
    if (ms === null || (ms >= leastMs && ms <= longestMs)) return null
    return ms < leastMs
      ? `${text} is too short: write at least ${leastMs}ms`
      : `${text} is too long: write at most 24d`
  }
}

function sizeFrom(least: number, most: number): Check {
  return (text) => {
    const bytes = parseSize(text)
    if (bytes === null || (bytes >= least && bytes <= most)) return null
    return bytes < least
      ? `${text} is too small: write at least ${least}B`
      : `${text} is too large: write at most ${most}B`
  }
}
