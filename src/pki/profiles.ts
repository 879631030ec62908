import { keyPurposes } from '../x509/object-identifiers.js'
import type { ExtensionOptions, GeneralNameOptions } from './extensions.js'
import { basicConstraints, extendedKeyUsage, keyUsage, subjectAltName } from './extensions.js'

/** Extensions of a person's certificate for signing in: digital signature and client authentication. */
export function userExtensions(
  names: { readonly email?: string; readonly upn?: string } = {},
): readonly ExtensionOptions[] {
  const alternatives: GeneralNameOptions[] = []
  if (names.email !== undefined) alternatives.push({ email: names.email })
  if (names.upn !== undefined) alternatives.push({ upn: names.upn })
  return [
    basicConstraints({ authority: false }),
    keyUsage(['digitalSignature']),
    extendedKeyUsage([keyPurposes.clientAuth]),
    ...(alternatives.length === 0 ? [] : [subjectAltName(alternatives)]),
  ]
}

/** Extensions of a TLS server's certificate. */
export function serverExtensions(names: readonly GeneralNameOptions[]): readonly ExtensionOptions[] {
  return [
    basicConstraints({ authority: false }),
    keyUsage(['digitalSignature']),
    extendedKeyUsage([keyPurposes.serverAuth]),
    subjectAltName(names),
  ]
}
