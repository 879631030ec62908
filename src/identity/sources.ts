import type { CertificateFacts } from '../x509/verified-certificate.js'

export type IdentitySource =
  | 'subject.email'
  | 'subject.cn'
  | 'san.email'
  | 'san.upn'
  | 'subject.dn'
  | 'serial'

export interface SourceValue {
  readonly text: string
  /** Whether it stood in a string type that the field allows. */
  readonly allowedType: boolean
}

const commonNameType = '2.5.4.3'
const emailAddressType = '1.2.840.113549.1.9.1'

/**
 * RFC 5280 §4.1.2.4: directory strings are to be UTF8String or PrintableString; the older types have more
 * than one reading of the same bytes.
 */
const directoryStrings = ['UTF8String', 'PrintableString']
/** RFC 2985 §5.2.1 (pkcs-9 emailAddress); OpenSSL writes it so whatever its `string_mask`. */
const emailStrings = ['IA5String']
/** [MS-WCCE] userPrincipalName. */
const upnStrings = ['UTF8String']

/** Every value that the certificate has in this place, as it stands there. */
export function readValues(source: IdentitySource, facts: CertificateFacts): readonly SourceValue[] {
  switch (source) {
    case 'subject.email':
      return attributeValues(facts, emailAddressType, emailStrings)
    case 'subject.cn':
      return attributeValues(facts, commonNameType, directoryStrings)
    case 'san.email':
      return facts.alternativeNames.email.map((text) => ({ text, allowedType: true }))
    case 'san.upn':
      return facts.alternativeNames.upn.map(({ value, encoding }) => ({
        text: value,
        allowedType: upnStrings.includes(encoding),
      }))
    case 'subject.dn':
      return [{ text: facts.subject, allowedType: true }]
    case 'serial':
      return [{ text: facts.serial, allowedType: true }]
  }
}

function attributeValues(facts: CertificateFacts, type: string, allowed: readonly string[]): SourceValue[] {
  return facts.subjectName
    .flat()
    .filter((attribute) => attribute.type === type)
    .map(({ value, encoding }) => ({ text: value, allowedType: allowed.includes(encoding) }))
}
