import { isIP } from 'node:net'

/** Longer ones no resolver takes (RFC 1035 §2.3.4); here it bounds what a comparison may cost. */
const longestHost = 253

/**
 * Labels of printable ASCII with dots between them, none empty. Looser than RFC 1034: certificates hold
 * underscores and wildcards, and a name that cannot be told apart is all that is to be kept out.
 */
export function isHost(host: string): boolean {
  return host.length <= longestHost && /^[!--/-~]+(?:\.[!--/-~]+)*$/.test(host)
}

/** The host is folded, the local part is not. Without an @ both are empty. */
export function splitMailbox(mailbox: string): { readonly local: string; readonly host: string } {
  const at = mailbox.lastIndexOf('@')
  return at < 0
    ? { local: '', host: '' }
    : { local: mailbox.slice(0, at), host: mailbox.slice(at + 1).toLowerCase() }
}

/** The two forms of RFC 5321 §4.1.2, the unquoted one loosely: no @, quotation mark, space or control. */
const localPart = /^(?:"(?:[^"\\\r\n]|\\[ -~])*"|[!#-?A-~]+)$/

export function isMailbox(text: string): boolean {
  const { local, host } = splitMailbox(text)
  return isHost(host) && localPart.test(local)
}

/** RFC 3986 §2: what may not stand in a URI, programs read in different ways. */
const notInUris = /[^!-~]|["<>\\^`{|}]/

/** The host of a URI's authority (RFC 3986 §3.2), folded; null where it has none, or that is an address. */
export function hostOfUri(uri: string): string | null {
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(uri)?.[1]
  if (authority === undefined || notInUris.test(uri)) return null
  const host = authority
    .slice(authority.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .toLowerCase()
  return host === '' || host.startsWith('[') || host.includes('%') || isIP(host) !== 0 ? null : host
}
