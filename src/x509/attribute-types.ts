/**
 * Attribute types of distinguished names with the short names that OpenSSL prints, and therefore nginx
 * sends (`openssl list -objects`; RFC 4519, RFC 2985, X.520). RFC 4514 §3 requires the first nine.
 */
const attributeTypes = [
  ['2.5.4.3', 'CN'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.6', 'C'],
  ['2.5.4.9', 'street'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
  ['1.2.840.113549.1.9.2', 'unstructuredName'],
  ['1.2.840.113549.1.9.8', 'unstructuredAddress'],
  ['2.5.4.4', 'SN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.12', 'title'],
  ['2.5.4.13', 'description'],
  ['2.5.4.15', 'businessCategory'],
  ['2.5.4.16', 'postalAddress'],
  ['2.5.4.17', 'postalCode'],
  ['2.5.4.18', 'postOfficeBox'],
  ['2.5.4.20', 'telephoneNumber'],
  ['2.5.4.41', 'name'],
  ['2.5.4.42', 'GN'],
  ['2.5.4.43', 'initials'],
  ['2.5.4.44', 'generationQualifier'],
  ['2.5.4.45', 'x500UniqueIdentifier'],
  ['2.5.4.46', 'dnQualifier'],
  ['2.5.4.65', 'pseudonym'],
  ['2.5.4.72', 'role'],
  ['2.5.4.97', 'organizationIdentifier'],
  ['0.9.2342.19200300.100.1.3', 'mail'],
  ['2.5.4.19', 'physicalDeliveryOfficeName'],
  ['2.5.4.23', 'facsimileTelephoneNumber'],
  ['2.5.4.26', 'registeredAddress'],
  ['2.5.4.27', 'destinationIndicator'],
  ['2.5.4.49', 'distinguishedName'],
  ['2.5.4.51', 'houseIdentifier'],
  ['2.5.4.54', 'dmdName'],
  ['0.9.2342.19200300.100.1.4', 'info'],
  ['0.9.2342.19200300.100.1.6', 'roomNumber'],
  ['0.9.2342.19200300.100.1.8', 'userClass'],
  ['0.9.2342.19200300.100.1.9', 'host'],
  ['0.9.2342.19200300.100.1.20', 'homeTelephoneNumber'],
  ['0.9.2342.19200300.100.1.40', 'personalTitle'],
  ['0.9.2342.19200300.100.1.41', 'mobileTelephoneNumber'],
  ['0.9.2342.19200300.100.1.43', 'friendlyCountryName'],
  ['0.9.2342.19200300.100.1.44', 'uid'],
  ['0.9.2342.19200300.100.1.45', 'organizationalStatus'],
  ['1.2.840.113549.1.9.7', 'challengePassword'],
  ['1.2.840.113549.1.9.20', 'friendlyName'],
  ['1.3.6.1.4.1.311.60.2.1.1', 'jurisdictionL'],
  ['1.3.6.1.4.1.311.60.2.1.2', 'jurisdictionST'],
  ['1.3.6.1.4.1.311.60.2.1.3', 'jurisdictionC'],
] as const

export type AttributeShortName = (typeof attributeTypes)[number][1]

/** Other names under which programs write a type, in lower case. */
const otherNames: readonly (readonly [string, string])[] = [
  ['email', '1.2.840.113549.1.9.1'],
  ['e', '1.2.840.113549.1.9.1'],
  ['s', '2.5.4.8'],
  ['surname', '2.5.4.4'],
  ['givenname', '2.5.4.42'],
  ['userid', '0.9.2342.19200300.100.1.1'],
  ['commonname', '2.5.4.3'],
  ['organizationname', '2.5.4.10'],
  ['organizationalunitname', '2.5.4.11'],
  ['countryname', '2.5.4.6'],
  ['localityname', '2.5.4.7'],
  ['stateorprovincename', '2.5.4.8'],
  ['streetaddress', '2.5.4.9'],
  ['domaincomponent', '0.9.2342.19200300.100.1.25'],
]

const nameByType = new Map<string, AttributeShortName>(attributeTypes)
const typeByShortName = new Map<string, string>(attributeTypes.map(([type, name]) => [name, type]))
/** Of two names that differ in case only, as UID and uid do, the one higher in the table. */
const typeByFoldedName = new Map<string, string>([
  ...otherNames,
  ...attributeTypes.map(([type, name]) => [name.toLowerCase(), type] as const).reverse(),
])

/** The short name of a dotted OID, or undefined. */
export function attributeShortName(type: string): AttributeShortName | undefined {
  return nameByType.get(type)
}

/** The dotted OID that a short name, in any case, or a dotted OID (also as `OID.1.2`) stands for. */
export function attributeType(name: string): string | undefined {
  const dotted = /^(?:oid\.)?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+)$/i.exec(name)
  return dotted?.[1] ?? typeByShortName.get(name) ?? typeByFoldedName.get(name.toLowerCase())
}
