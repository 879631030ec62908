import type { ParsedCertificate } from '../../x509/certificate.js'
import { DerError } from '../../x509/der.js'
import { extensionTypes } from '../../x509/object-identifiers.js'
import { readDistributionPoints } from './distribution-point.js'

/** More addresses of one certificate are not looked at. */
const mostUrls = 8

const known = new WeakMap<ParsedCertificate, readonly string[]>()

/**
 * Where the certificate says that lists about it are, and lists of their changes (RFC 5280 §4.2.1.13,
 * §4.2.1.15): http and https alone; empty where that cannot be read.
 */
export function listUrls(certificate: ParsedCertificate): readonly string[] {
  const before = known.get(certificate)
  if (before !== undefined) return before
  const { crlDistributionPoints, freshestCrl } = extensionTypes
  const urls = [crlDistributionPoints, freshestCrl].flatMap((type) => urlsIn(certificate, type))
  const found = [...new Set(urls)].slice(0, mostUrls)
  known.set(certificate, found)
  return found
}

function urlsIn({ extensions }: ParsedCertificate, type: string): readonly string[] {
  const extension = extensions.get(type)
  if (extension === undefined) return []
  try {
    return readDistributionPoints(extension.value).flatMap(({ name }) =>
      name?.kind === 'full'
        ? name.names.flatMap((one) => (one.form === 'uniformResourceIdentifier' ? [one.text] : []))
        : [],
    )
  } catch (error) {
    // Its status is unknown then, and the search for lists says so.
    if (error instanceof DerError) return []
    throw error
  }
}
