/** A PEM text that cannot be read; `line` counts from 1. */
export class PemError extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.name = 'PemError'
    this.line = line
  }
}

export interface PemBlock {
  /** The line of its BEGIN, counted from 1. */
  readonly line: number
  readonly label: string
  readonly der: Uint8Array
}

const boundary = /^-----(BEGIN|END) ([A-Z0-9][A-Z0-9 ]*)-----$/

/**
 * Reads the PEM blocks of a text (RFC 7468 §2); text outside of blocks is allowed, as `openssl x509 -text`
 * writes it. Inside there is base64 and nothing else.
 *
 * @throws PemError
 */
export function readPemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = []
  let open: { line: number; label: string; base64: string[] } | null = null
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = index + 1
    const content = raw.trim()
    const [, kind, label = ''] = boundary.exec(content) ?? []
    if (open === null) {
      if (kind === 'END') throw new PemError(line, `END ${label} without its BEGIN`)
      if (kind === 'BEGIN') open = { line, label, base64: [] }
      else if (content.startsWith('-----')) throw new PemError(line, 'a BEGIN line that is not whole')
    } else if (kind === 'END' && label === open.label) {
      blocks.push({ line: open.line, label, der: decodeBase64(open.base64.join(''), open.line) })
      open = null
    } else if (kind !== undefined) {
      throw new PemError(
        line,
        `${kind} ${label} inside the block of ${open.label} that begins in line ${open.line}`,
      )
    } else {
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(content)) throw new PemError(line, 'something other than base64')
      open.base64.push(content)
    }
  }
  if (open !== null) throw new PemError(open.line, `BEGIN ${open.label} without its END`)
  return blocks
}

function decodeBase64(text: string, line: number): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === 0) throw new PemError(line, 'an empty block')
  if (bytes.toString('base64') !== text) throw new PemError(line, 'base64 that is not whole')
  return Uint8Array.from(bytes)
}

/**
 * DER of the certificates of a bundle, in its order.
 *
 * @throws PemError also for a block that is no certificate: a key in a bundle of authorities is a mistake.
 */
export function readPemBundle(text: string): Uint8Array[] {
  return readPemBlocks(text).map(({ line, label, der }) => {
    if (label !== 'CERTIFICATE')
      throw new PemError(line, `a block of ${label} where only CERTIFICATE belongs`)
    return der
  })
}
