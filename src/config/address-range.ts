import { BlockList, isIP } from 'node:net'

/** `address/prefix length` (RFC 4632, RFC 4291 §2.3). */
export interface AddressRange {
  readonly address: string
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** A bare address is a range of one. Null for what is neither. */
export function parseAddressRange(text: string): AddressRange | null {
  const [address = '', length, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0 || address.includes('%')) return null
  const bits = version === 4 ? 32 : 128
  if (length !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(length)) return null
  const prefix = length === undefined ? bits : Number(length)
  return prefix > bits ? null : { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' }
}

export function formatAddressRange({ address, prefix }: AddressRange): string {
  return `${address}/${prefix}`
}

/**
 * Wider than any network of one organisation, so that two or four of them are everybody: shorter than /8,
 * in IPv6 too but for its private addresses (fc00::/7), and IPv4 as it is mapped into IPv6.
 */
export function isTooWide({ address, prefix, family }: AddressRange): boolean {
  if (family === 'ipv4') return prefix < 8
  if (holds({ address: '::ffff:0:0', prefix: 96, family }, address) && prefix >= 96) return prefix < 104
  return prefix < 8 && !(prefix === 7 && holds({ address: 'fc00::', prefix: 7, family }, address))
}

/** Whether it names an address of this machine alone. */
export function meetsLoopback(range: AddressRange): boolean {
  if (range.family === 'ipv4') return range.address.startsWith('127.') || holds(range, '127.0.0.1')
  return holds(range, '::1') || /^::ffff:127\./i.test(range.address)
}

function holds({ address, prefix, family }: AddressRange, inner: string): boolean {
  const list = new BlockList()
  list.addSubnet(address, prefix, family)
  return list.check(inner, family)
}
