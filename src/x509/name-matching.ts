import type { GeneralName } from './general-names.js'
import { hostOfUri, isHost, isMailbox, splitMailbox } from './host-names.js'

/**
 * Whether a name lies within one of the subtrees of its form (RFC 5280 §4.2.1.10). `unreadable`: the name, or
 * one of the subtrees, has no part that could be compared, so that it is in no permitted subtree and not
 * known to be out of an excluded one.
 */
export type Match = 'within' | 'outside' | 'unreadable'

/** Subtrees of one form. Each name is looked up in them all at once: no name is held against each of them. */
export interface Subtrees {
  readonly size: number
  match(name: GeneralName): Match
}

/** @param bases all of the form that is named */
export function subtreesOf(form: GeneralName['form'], bases: readonly GeneralName[]): Subtrees {
  switch (form) {
    case 'dNSName':
      return new DnsSubtrees(bases)
    case 'rfc822Name':
    case 'userPrincipalName':
      return new MailboxSubtrees(bases)
    case 'uniformResourceIdentifier':
      return new UriSubtrees(bases)
    case 'directoryName':
      return new DirectorySubtrees(bases)
    case 'iPAddress':
      return new AddressSubtrees(bases)
    case 'unhandled':
      return { size: bases.length, match: () => 'unreadable' }
  }
}

function textOf(name: GeneralName): string {
  return 'text' in name ? name.text : ''
}

/** In a constraint a wildcard or a scheme means nothing, and whoever wrote one meant something. */
const plainHost = /^[a-z0-9._-]+$/

/** Hosts by themselves, and domains that hold every host below them. */
class HostSet {
  readonly #hosts = new Set<string>()
  readonly #domains = new Set<string>()
  #all = false
  #isWhole = true

  addAll(): void {
    this.#all = true
  }

  /** @param holdsItsHosts without a leading dot it stands for every host below it, too */
  add(base: string, holdsItsHosts: boolean): void {
    const domain = base.toLowerCase().replace(/^\./, '')
    if (!isHost(domain) || !plainHost.test(domain)) this.miss()
    if (!base.startsWith('.')) this.#hosts.add(domain)
    if (base.startsWith('.') || holdsItsHosts) this.#domains.add(domain)
  }

  /** One was not understood. */
  miss(): void {
    this.#isWhole = false
  }

  match(host: string): Match {
    if (!isHost(host)) return 'unreadable'
    if (this.#all || this.#hosts.has(host) || this.#isBelow(host)) return 'within'
    return this.#isWhole ? 'outside' : 'unreadable'
  }

  #isBelow(host: string): boolean {
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      if (this.#domains.has(host.slice(dot + 1))) return true
    }
    return false
  }
}

/** Labels may be added in front; a leading dot asks for one at least, as other validators have it. */
class DnsSubtrees implements Subtrees {
  readonly size: number
  readonly #hosts = new HostSet()

  constructor(bases: readonly GeneralName[]) {
    this.size = bases.length
    for (const base of bases.map(textOf)) {
      if (base === '') this.#hosts.addAll()
      else this.#hosts.add(base, true)
    }
  }

  match(name: GeneralName): Match {
    return this.#hosts.match(textOf(name).toLowerCase())
  }
}

/** The host of the authority; one that is an address, or none at all, cannot be held against a domain. */
class UriSubtrees implements Subtrees {
  readonly size: number
  readonly #hosts = new HostSet()

  constructor(bases: readonly GeneralName[]) {
    this.size = bases.length
    for (const base of bases.map(textOf)) this.#hosts.add(base, false)
  }

  match(name: GeneralName): Match {
    const host = hostOfUri(textOf(name))
    return host === null ? 'unreadable' : this.#hosts.match(host)
  }
}

/**
 * One mailbox, every mailbox of a host, or with a leading dot every one of the hosts below a domain. User
 * principal names are held against the same three; their constraints are often written with an @ in front.
 */
class MailboxSubtrees implements Subtrees {
  readonly size: number
  readonly #mailboxes = new Set<string>()
  readonly #hosts = new HostSet()

  constructor(bases: readonly GeneralName[]) {
    this.size = bases.length
    for (const base of bases)
      this.#add(textOf(base).replace(base.form === 'userPrincipalName' ? /^@/ : /^$/, ''))
  }

  #add(base: string): void {
    if (base === '') this.#hosts.addAll()
    else if (!base.includes('@')) this.#hosts.add(base, false)
    else if (isMailbox(base)) this.#mailboxes.add(keyOf(base))
    else this.#hosts.miss()
  }

  match(name: GeneralName): Match {
    const mailbox = textOf(name)
    if (name.form === 'rfc822Name' ? !isMailbox(mailbox) : !mailbox.includes('@')) return 'unreadable'
    if (this.#mailboxes.has(keyOf(mailbox))) return 'within'
    return this.#hosts.match(splitMailbox(mailbox).host)
  }
}

/** The local part is its host's own business, and compared as it stands (RFC 5321 §2.4). */
function keyOf(mailbox: string): string {
  const { local, host } = splitMailbox(mailbox)
  return `${local}@${host}`
}

/** A name is within whatever it begins with. */
class DirectorySubtrees implements Subtrees {
  readonly size: number
  readonly #root: DirectoryNode = { isBase: false, below: new Map() }

  constructor(bases: readonly GeneralName[]) {
    this.size = bases.length
    for (const base of bases) {
      let node = this.#root
      for (const rdn of rdnsOf(base)) {
        const next = node.below.get(rdn) ?? { isBase: false, below: new Map<string, DirectoryNode>() }
        node.below.set(rdn, next)
        node = next
      }
      node.isBase = true
    }
  }

  match(name: GeneralName): Match {
    let node: DirectoryNode | undefined = this.#root
    for (const rdn of rdnsOf(name)) {
      if (node === undefined || node.isBase) break
      node = node.below.get(rdn)
    }
    return node?.isBase === true ? 'within' : 'outside'
  }
}

interface DirectoryNode {
  isBase: boolean
  readonly below: Map<string, DirectoryNode>
}

function rdnsOf(name: GeneralName): readonly string[] {
  return name.form === 'directoryName' ? name.rdns : []
}

/** Networks by their mask, of which there are few; an address is of the family that is as long. */
class AddressSubtrees implements Subtrees {
  readonly size: number
  readonly #networksByMask = new Map<string, { readonly mask: Uint8Array; readonly networks: Set<string> }>()

  constructor(bases: readonly GeneralName[]) {
    this.size = bases.length
    for (const octets of bases.map(octetsOf)) {
      const mask = octets.subarray(octets.length / 2)
      const key = hex(mask)
      const known = this.#networksByMask.get(key) ?? { mask, networks: new Set() }
      this.#networksByMask.set(key, known)
      known.networks.add(masked(octets.subarray(0, octets.length / 2), mask))
    }
  }

  match(name: GeneralName): Match {
    const address = octetsOf(name)
    for (const { mask, networks } of this.#networksByMask.values()) {
      if (mask.length === address.length && networks.has(masked(address, mask))) return 'within'
    }
    return 'outside'
  }
}

function octetsOf(name: GeneralName): Uint8Array {
  return name.form === 'iPAddress' ? name.octets : new Uint8Array()
}

function masked(address: Uint8Array, mask: Uint8Array): string {
  return hex(address.map((octet, at) => octet & (mask[at] ?? 0)))
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}
