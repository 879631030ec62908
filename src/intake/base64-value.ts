/**
 * DER out of base64 (RFC 4648 §4); null unless the text is exactly what the bytes are written as. Buffer
 * passes over what is no base64, and over bits behind the padding: the way back shows both.
 */
export function decodeBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length > 0 && bytes.toString('base64') === text ? Uint8Array.from(bytes) : null
}

/** The same for several; null if one of them is none. */
export function decodeAllBase64(texts: readonly string[]): Uint8Array[] | null {
  const decoded = texts.map(decodeBase64).filter((bytes) => bytes !== null)
  return decoded.length === texts.length ? decoded : null
}
