import { BlockList, isIP } from 'node:net'

/** Two lists: a BlockList with ::ffff:0:0/96 in it would match every IPv4 address. */
const special4 = new BlockList()
const special6 = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special4.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  special6.addSubnet(network, prefix, 'ipv6')

/** Whether an address is a public unicast one (IANA special-purpose registries, RFC 6890); what is no address is not. */
export function isPublicAddress(address: string): boolean {
  const plain = address.split('%', 1)[0] ?? ''
  switch (isIP(plain)) {
    case 4:
      return !special4.check(plain, 'ipv4')
    case 6:
      return !special6.check(plain, 'ipv6')
    default:
      return false
  }
}
