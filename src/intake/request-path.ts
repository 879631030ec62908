import { Refusal } from '../core/refusals.js'
import type { RequestPath } from './facts.js'

/** Only these, and no dot at a segment's begin, no doubled slash: nothing to decode, nothing ambiguous. */
const plain = /^\/(?:[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9._~!$&'()*+,;=:@-]*(?:\/|$))*$/

/**
 * Reads a request target in origin form (RFC 9112 §3.2.1). The path is percent-decoded exactly once, `%2F`
 * included, as Mattermost does before it matches (contract rule 8); what could still be read in more than
 * one way after that is refused.
 */
export function readRequestPath(target: string): RequestPath | Refusal {
  if (!target.startsWith('/')) return ambiguous('the request target is not in origin form')
  const at = target.indexOf('?')
  const raw = at === -1 ? target : target.slice(0, at)
  const query = at === -1 ? null : target.slice(at + 1)
  if (target.includes('#')) return ambiguous('the target has a fragment')
  if (plain.test(raw)) return { decoded: raw, raw, query }
  const decoded = decode(raw)
  if (decoded === null) return ambiguous('the path has a bad escape or a byte that should be escaped')
  const problem = problemOf(decoded)
  return problem === null ? { decoded, raw, query } : ambiguous(problem)
}

function decode(raw: string): string | null {
  // Node hands raw bytes over as Latin-1: beyond ASCII they are not a URI (RFC 3986 §2).
  if (/[^\x21-\x7e]/.test(raw)) return null
  try {
    return decodeURIComponent(raw)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

function problemOf(decoded: string): string | null {
  if (decoded.includes('\\')) return 'the path has a backslash'
  if (decoded.includes('\0')) return 'the path has a NUL'
  if (decoded.includes('#')) return 'the path has a number sign'
  if (decoded.includes('//')) return 'the path has a doubled slash'
  // Some servers cut a segment's parameters off before they look at its dots: `..;x` is taken as `..`.
  return /\/\.{1,2}(?:;[^/]*)?(?:\/|$)/.test(decoded) ? 'the path has a dot segment' : null
}

function ambiguous(detail: string): Refusal {
  return new Refusal('request_ambiguous', { detail })
}
