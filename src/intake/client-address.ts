import { BlockList, isIP } from 'node:net'

/** The peers that may speak for clients: `proxy.trusted`. */
export class TrustedPeers {
  readonly #list = new BlockList()
  readonly #known = new Map<string, boolean>()

  /** @param ranges addresses with or without `/prefix length`. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = '', prefix, ...rest] = range.split('/')
      const family = familyOf(address)
      // An empty length would be taken for zero: everybody.
      if (family === null || rest.length > 0 || (prefix !== undefined && !/^\d+$/.test(prefix))) {
        throw new RangeError(`proxy.trusted: ${range} is no address range`)
      }
      this.#list.addSubnet(address, prefix === undefined ? lengthOf(family) : Number(prefix), family)
    }
  }

  includes(address: string): boolean {
    const known = this.#known.get(address)
    if (known !== undefined) return known
    const plain = unmapped(address)
    const family = familyOf(plain)
    const included = family !== null && this.#list.check(plain, family)
    if (this.#known.size >= mostKnown) this.#known.clear()
    this.#known.set(address, included)
    return included
  }
}

/** Peers and forwarded addresses whose answer is kept. */
const mostKnown = 1_000

/**
 * The client: the rightmost address of X-Forwarded-For that is not a trusted peer; everything left of it
 * was written by that client. An entry that is no address ends the walk: what it stands for is unknown,
 * so the last trusted hop is all that is known.
 *
 * @param lines the header's lines in order
 * @param peer the address that connected; null over a unix socket
 */
export function clientAddress(
  lines: readonly string[],
  peer: string | null,
  trusted: TrustedPeers,
): string | null {
  let last = peer === null ? null : unmapped(peer)
  const entries = lines.join(',').split(',')
  for (const entry of entries.toReversed()) {
    const text = entry.trim()
    if (text === '') continue
    const address = forwardedAddress(text)
    if (address === null) return last
    last = address
    if (!trusted.includes(address)) return last
  }
  return last
}

/** An entry may carry a port, and brackets around an IPv6 address. */
function forwardedAddress(text: string): string | null {
  const bare = /^\[([0-9a-fA-F:.]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([0-9.]+):\d+$/.exec(text)?.[1] ?? text
  return isIP(bare) === 0 ? null : unmapped(bare)
}

/** `::ffff:127.0.0.1` is how a dual-stack listener sees `127.0.0.1`. */
function unmapped(address: string): string {
  const embedded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  return embedded ?? address
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address)
  return version === 0 ? null : version === 4 ? 'ipv4' : 'ipv6'
}

function lengthOf(family: 'ipv4' | 'ipv6'): number {
  return family === 'ipv4' ? 32 : 128
}
