import { isIP } from 'node:net'
import type { GeneralName } from './general-names.js'

/**
 * Whether a name lies within a subtree of its form (RFC 5280 §4.2.1.10). `unreadable`: the name has no part
 * that could be compared, so that it is in no permitted subtree and not known to be out of an excluded one.
 */
export type Match = 'within' | 'outside' | 'unreadable'

/** @throws Error for names of different forms: there is nothing to compare then. */
export function matchSubtree(name: GeneralName, base: GeneralName): Match {
  if (name.form === 'directoryName' && base.form === 'directoryName') {
    return within(base.rdns.every((rdn, at) => rdn === name.rdns[at]))
  }
  if (name.form === 'iPAddress' && base.form === 'iPAddress')
    return within(inNetwork(name.octets, base.octets))
  if (name.form === 'rfc822Name' && base.form === 'rfc822Name') return matchMailbox(name.text, base.text)
  if (name.form === 'userPrincipalName' && base.form === 'userPrincipalName') {
    return matchMailbox(name.text, base.text.replace(/^@/, ''))
  }
  if (name.form === 'dNSName' && base.form === 'dNSName') return matchDnsName(name.text, base.text)
  if (name.form === 'uniformResourceIdentifier' && base.form === 'uniformResourceIdentifier') {
    return matchUri(name.text, base.text)
  }
  throw new Error(`a ${name.form} is not compared with a ${base.form}`)
}

function within(isWithin: boolean): Match {
  return isWithin ? 'within' : 'outside'
}

/** One mailbox, every mailbox of a host, or with a leading dot every one of the hosts below a domain. */
function matchMailbox(mailbox: string, base: string): Match {
  const at = mailbox.lastIndexOf('@')
  if (at < 0) return 'unreadable'
  const [local, host] = [mailbox.slice(0, at), mailbox.slice(at + 1).toLowerCase()]
  const baseAt = base.lastIndexOf('@')
  const baseHost = base.slice(baseAt + 1).toLowerCase()
  // The local part is its host's own business, and compared as it stands (RFC 5321 §2.4).
  if (baseAt >= 0) return within(local === base.slice(0, baseAt) && host === baseHost)
  if (baseHost === '') return 'within'
  return within(baseHost.startsWith('.') ? host.endsWith(baseHost) : host === baseHost)
}

/** Labels may be added in front; a leading dot asks for one at least, as other validators have it. */
function matchDnsName(name: string, base: string): Match {
  const [host, domain] = [name.toLowerCase(), base.toLowerCase()]
  if (domain === '') return 'within'
  if (domain.startsWith('.')) return within(host.endsWith(domain))
  return within(host === domain || host.endsWith(`.${domain}`))
}

/** The host of the authority; one that is an address, or none at all, cannot be held against a domain. */
function matchUri(uri: string, base: string): Match {
  const host = hostOf(uri)
  if (host === null) return 'unreadable'
  const domain = base.toLowerCase()
  return within(domain.startsWith('.') ? host.endsWith(domain) : host === domain)
}

/** RFC 3986 §3.2 */
function hostOf(uri: string): string | null {
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(uri)?.[1]
  const host = authority
    ?.slice(authority.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .toLowerCase()
  return host === undefined || host === '' || host.startsWith('[') || isIP(host) !== 0 ? null : host
}

function inNetwork(address: Uint8Array, network: Uint8Array): boolean {
  const size = network.length / 2
  if (address.length !== size) return false
  return address.every(
    (octet, at) => (octet & (network[size + at] ?? 0)) === ((network[at] ?? 0) & (network[size + at] ?? 0)),
  )
}
