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

/** All of IPv4 or IPv6; IPv4 also as it is mapped into IPv6 (::ffff:0:0/96). */
export function coversEveryone(range: AddressRange): boolean {
  return range.prefix === 0 || (range.family === 'ipv6' && range.prefix <= 96 && holds(range, '::ffff:0:0'))
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
