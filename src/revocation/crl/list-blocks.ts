import { PemError, readPemBlocks } from '../../x509/pem.js'
import { inThread } from './thread.js'

/** One list's DER, and the line of its file that it begins in. */
export interface ListBlock {
  readonly der: Uint8Array
  readonly line: number
}

/** Lines count from 1; the message says what is wrong, then what to do. */
export interface BlockProblem {
  readonly line: number
  readonly message: string
}

export type ListBlocks = readonly ListBlock[] | BlockProblem

const derStart = 0x30
/** Longer texts are taken apart in a thread of their own: others are served meanwhile. */
const longBytes = 262_144

/** The lists in a file, PEM or DER. */
export async function blocksOf(bytes: Uint8Array): Promise<ListBlocks> {
  if (bytes[0] === derStart) return [{ der: bytes, line: 1 }]
  return bytes.length < longBytes ? pemBlocks(bytes) : inThread<ListBlocks>('./pem-worker', bytes)
}

export function pemBlocks(bytes: Uint8Array): ListBlocks {
  try {
    const blocks = readPemBlocks(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'))
    const other = blocks.find(({ label }) => label !== 'X509 CRL')
    if (other !== undefined)
      return { line: other.line, message: `holds a block of type ${other.label}: leave only X509 CRL blocks` }
    return blocks.length > 0
      ? blocks.map(({ der, line }) => ({ der, line }))
      : { line: 1, message: 'holds no CRL: put one into it, PEM or DER' }
  } catch (error) {
    if (!(error instanceof PemError)) throw error
    return { line: error.line, message: `not PEM: ${error.message}: restore the file from its source` }
  }
}
