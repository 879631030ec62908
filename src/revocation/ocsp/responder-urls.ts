import type { ParsedCertificate } from '../../x509/certificate.js'
import { DerError, type DerLimits, readDer } from '../../x509/der.js'
import { DerReader, objectIdentifierOf, tags } from '../../x509/der-values.js'
import { readGeneralName } from '../../x509/general-names.js'
import { extensionTypes } from '../../x509/object-identifiers.js'

const ocspMethod = '1.3.6.1.5.5.7.48.1'
const limits: DerLimits = { maxBytes: 16_384, maxDepth: 16, maxNodes: 1_024, maxOidBytes: 128 }

/** Where the certificate says that its issuer's responder is (RFC 5280 §4.2.2.1); empty where it cannot be read. */
export function responderUrls({ extensions }: ParsedCertificate): readonly string[] {
  const extension = extensions.get(extensionTypes.authorityInfoAccess)
  if (extension === undefined) return []
  try {
    return readDer(extension.value, limits).children.flatMap((description) => {
      const reader = new DerReader(description, tags.sequence, 'an access description')
      const method = objectIdentifierOf(reader.take(tags.objectIdentifier, 'an access method'))
      const location = reader.takeAny()
      if (method !== ocspMethod || location === null) return []
      const name = readGeneralName(location)
      return name.form === 'uniformResourceIdentifier' ? [name.text] : []
    })
  } catch (error) {
    if (error instanceof DerError) return []
    throw error
  }
}
