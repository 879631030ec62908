const universal = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  objectIdentifier: 6,
  enumerated: 10,
  utf8String: 12,
  sequence: 16,
  set: 17,
  numericString: 18,
  printableString: 19,
  teletexString: 20,
  ia5String: 22,
  utcTime: 23,
  generalizedTime: 24,
  visibleString: 26,
  universalString: 28,
  bmpString: 30,
} as const

const known: ReadonlySet<number> = new Set(Object.values(universal))

export function isKnownUniversal(tagNumber: number): boolean {
  return known.has(tagNumber)
}

export function isConstructedType(tagNumber: number): boolean {
  return tagNumber === universal.sequence || tagNumber === universal.set
}

/** What is wrong with a primitive value by DER's rules for its universal type, or null. */
export function checkPrimitive(identifier: number, content: Uint8Array, maxOidBytes: number): string | null {
  switch (identifier) {
    case universal.boolean:
      return content.length === 1 && (content[0] === 0x00 || content[0] === 0xff)
        ? null
        : 'a BOOLEAN that is neither 00 nor FF'
    case universal.integer:
    case universal.enumerated:
      return checkInteger(content)
    case universal.bitString:
      return checkBitString(content)
    case universal.null:
      return content.length === 0 ? null : 'a NULL with content'
    case universal.objectIdentifier:
      return checkObjectIdentifier(content, maxOidBytes)
    default:
      return null
  }
}

/** X.690 §8.3.2: the first nine bits are not all alike. */
function checkInteger(content: Uint8Array): string | null {
  const [first, second] = content
  if (first === undefined) return 'an empty INTEGER'
  if (second === undefined) return null
  const padded = (first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80)
  return padded ? 'an INTEGER that is not in its shortest form' : null
}

/** X.690 §11.2.1: unused bits are zero. */
function checkBitString(content: Uint8Array): string | null {
  const unused = content[0]
  if (unused === undefined || unused > 7) return 'a BIT STRING with a wrong count of unused bits'
  if (content.length === 1) return unused === 0 ? null : 'an empty BIT STRING with unused bits'
  const last = content[content.length - 1] ?? 0
  return (last & ((1 << unused) - 1)) === 0 ? null : 'a BIT STRING whose unused bits are set'
}

/** X.690 §8.19.2: each arc in the fewest octets, the last one ended. */
function checkObjectIdentifier(content: Uint8Array, maxOidBytes: number): string | null {
  if (content.length === 0) return 'an empty OBJECT IDENTIFIER'
  if (content.length > maxOidBytes) return `an OBJECT IDENTIFIER of more than ${maxOidBytes} bytes`
  if ((content[content.length - 1] ?? 0) >= 0x80) return 'an OBJECT IDENTIFIER that ends early'
  let beginsArc = true
  for (const octet of content) {
    if (beginsArc && octet === 0x80) return 'an OBJECT IDENTIFIER that is not in its shortest form'
    beginsArc = octet < 0x80
  }
  return null
}
