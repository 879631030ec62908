import type { Sequence } from 'asn1js'
import * as pkijs from 'pkijs'
import { DerError } from './der.js'

/**
 * The key identifier of RFC 5280 §5.2.1 in hexadecimal, for lists of revoked certificates; the strict walk has
 * been over the bytes before. The extensions of certificates are not read by pkijs: it cannot read object
 * identifiers with an arc above 2^53, as those made of a UUID have, and needs 3 µs for each octet.
 *
 * @throws DerError for what it cannot read whole.
 */
export function readAuthorityKeyIdentifier(value: Uint8Array): string | null {
  const { keyIdentifier } = decode(
    (raw) => pkijs.AuthorityKeyIdentifier.fromBER(raw),
    value,
    'authority key identifier',
  )
  return keyIdentifier === undefined
    ? null
    : Buffer.from(keyIdentifier.valueBlock.valueHexView).toString('hex')
}

/** asn1js takes some 3 µs for each octet; what authorities write has a few hundred. */
const mostOctets = 4_096

/** What pkijs left out of account shows in what it writes: DER has one encoding for each value. */
function decode<T extends { toSchema(): Sequence }>(
  read: (raw: Uint8Array<ArrayBuffer>) => T,
  value: Uint8Array,
  what: string,
): T {
  if (value.length > mostOctets) throw new DerError(`${what} of more than ${mostOctets} octets`)
  try {
    const decoded = read(Uint8Array.from(value))
    const encoded = Buffer.from(decoded.toSchema().toBER())
    if (!encoded.equals(value)) throw new DerError(`${what} with more or other fields than it may have`)
    return decoded
  } catch (cause) {
    if (cause instanceof DerError) throw cause
    // pkijs and asn1js throw errors of many classes for one and the same thing.
    if (cause instanceof Error) throw new DerError(`${what} that cannot be read`)
    throw cause
  }
}
