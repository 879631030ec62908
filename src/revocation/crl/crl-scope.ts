import type { ParsedCertificate } from '../../x509/certificate.js'
import type { GeneralName } from '../../x509/general-names.js'
import { rdnKeys } from '../../x509/name.js'
import type { Crl } from './crl.js'
import { type DistributionPoint, namesOf, share } from './distribution-point.js'
import { allReasons, type Reasons } from './reasons.js'

/**
 * For which reasons this list speaks of the certificate at this distribution point (RFC 5280 §6.3.3(b) and
 * (d)); 0: it does not speak of it.
 */
export function reasonsCovered(
  { head }: Crl,
  certificate: ParsedCertificate,
  point: DistributionPoint,
): Reasons {
  if (!isIssuer(head.issuer.rdns, head.issuer.key, certificate, point, head.scope?.indirect === true))
    return 0
  const { scope } = head
  if (scope === null) return point.reasons ?? allReasons
  if (scope.onlyAttributeCertificates) return 0
  const isAuthority = certificate.basicConstraints?.authority === true
  if (scope.onlyUserCertificates && isAuthority) return 0
  if (scope.onlyAuthorityCertificates && !isAuthority) return 0
  if (scope.name !== null && !isNamed(point, namesOf(scope.name, head.issuer), certificate)) return 0
  return (scope.onlySomeReasons ?? allReasons) & (point.reasons ?? allReasons)
}

/** §6.3.3(b)(1) */
function isIssuer(
  rdns: Crl['head']['issuer']['rdns'],
  key: string,
  certificate: ParsedCertificate,
  { crlIssuer }: DistributionPoint,
  indirect: boolean,
): boolean {
  if (crlIssuer === null) return key === certificate.issuer.key
  return indirect && share(crlIssuer, [{ form: 'directoryName', rdns: rdnKeys(rdns) }])
}

/** §6.3.3(b)(2)(i): by the point's own names, or by those of the list's issuer where it has none. */
function isNamed(
  { name, crlIssuer }: DistributionPoint,
  listNames: readonly GeneralName[],
  certificate: ParsedCertificate,
): boolean {
  if (name === null) return share(listNames, crlIssuer ?? [])
  const issuers = crlIssuer?.filter((one) => one.form === 'directoryName') ?? []
  if (name.kind === 'full' || issuers.length === 0) return share(listNames, namesOf(name, certificate.issuer))
  return issuers.some((issuer) => share(listNames, [{ ...issuer, rdns: [...issuer.rdns, name.rdn] }]))
}
