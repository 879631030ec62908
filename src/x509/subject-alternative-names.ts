import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { tags } from './der-values.js'
import { type GeneralName, readGeneralName } from './general-names.js'
import type { AlternativeNames } from './verified-certificate.js'

/** @throws DerError for a name that is not what its form asks for. */
export function readAlternativeNames(value: DerValue): readonly GeneralName[] {
  if (value.identifier !== tags.sequence || value.children.length === 0) {
    throw new DerError('empty subject alternative names')
  }
  const names = value.children.map(readGeneralName)
  if (names.some((name) => name.form === 'iPAddress' && !isAddress(name.octets))) {
    throw new DerError('an IP address of neither 4 nor 16 octets')
  }
  return names
}

function isAddress({ length }: Uint8Array): boolean {
  return length === 4 || length === 16
}

/** Those that sign-in looks at. */
export function signInNames(names: readonly GeneralName[]): AlternativeNames {
  return {
    email: names.flatMap((name) => (name.form === 'rfc822Name' ? [name.text] : [])),
    upn: names.flatMap((name) =>
      name.form === 'userPrincipalName' ? [{ value: name.text, encoding: name.encoding }] : [],
    ),
  }
}
