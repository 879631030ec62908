/** One part of a multipart/form-data body (RFC 7578). */
export interface FormPart {
  readonly name: string
  /** Null: a field, not a file. */
  readonly filename: string | null
  readonly bytes: Buffer
}

/** The parts of a whole body; null where the type names no boundary or the body does not end with it. */
export function readFormParts(contentType: string, body: Buffer): FormPart[] | null {
  const found = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType)
  if (found?.[1] === undefined) return null
  const mark = Buffer.from(`--${found[1]}`)
  const parts: FormPart[] = []
  let at = body.indexOf(mark)
  while (at !== -1) {
    const start = at + mark.length
    if (body.toString('latin1', start, start + 2) === '--') return parts
    const next = body.indexOf(Buffer.concat([Buffer.from('\r\n'), mark]), start)
    if (next === -1) return null
    const part = readPart(body.subarray(start + 2, next))
    if (part !== null) parts.push(part)
    at = next + 2
  }
  return null
}

function readPart(bytes: Buffer): FormPart | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return null
  const disposition = /^content-disposition:.*$/im.exec(bytes.toString('utf8', 0, end))?.[0] ?? ''
  const name = /[; ]name="([^"]*)"/i.exec(disposition)?.[1]
  if (name === undefined) return null
  const filename = /filename="([^"]*)"/i.exec(disposition)?.[1] ?? null
  return { name, filename, bytes: bytes.subarray(end + 4) }
}
