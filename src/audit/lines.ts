import { createReadStream } from 'node:fs'
import { failed, lineLimit } from './opening.js'

const lineFeed = 0x0a

export interface FileLine {
  /** Counts from 1. */
  readonly number: number
  /** Without its line feed. */
  readonly bytes: Buffer
  /** False: the file ends without a line feed, or the line is longer than any of ours and was cut. */
  readonly whole: boolean
}

/**
 * The lines of a file of any size, in bounded memory, a batch for each piece that is read.
 *
 * @throws Fault ERR_AUDIT_IO where it cannot be read.
 */
export async function* readLines(file: string): AsyncGenerator<readonly FileLine[]> {
  const splitter = new LineSplitter()
  try {
    const stream: AsyncIterable<Buffer> = createReadStream(file, { highWaterMark: 256 * 1_024 })
    for await (const piece of stream) yield splitter.split(piece)
  } catch (error) {
    throw failed(file, 'reading', error)
  }
  yield splitter.end()
}

class LineSplitter {
  #number = 0
  #rest: Buffer = Buffer.alloc(0)
  #overlong = false

  split(piece: Buffer): FileLine[] {
    const lines: FileLine[] = []
    let start = 0
    for (let end = piece.indexOf(lineFeed); end !== -1; end = piece.indexOf(lineFeed, start)) {
      lines.push(this.#line(piece.subarray(start, end), true))
      start = end + 1
    }
    this.#keep(piece.subarray(start))
    return lines
  }

  end(): FileLine[] {
    return this.#rest.length === 0 && !this.#overlong ? [] : [this.#line(Buffer.alloc(0), false)]
  }

  #line(last: Buffer, ended: boolean): FileLine {
    const bytes = this.#rest.length === 0 ? last : Buffer.concat([this.#rest, last])
    const whole = ended && !this.#overlong && bytes.length <= lineLimit
    this.#rest = Buffer.alloc(0)
    this.#overlong = false
    this.#number += 1
    return { number: this.#number, bytes: bytes.subarray(0, lineLimit), whole }
  }

  #keep(piece: Buffer): void {
    if (this.#rest.length + piece.length > lineLimit) this.#overlong = true
    this.#rest = Buffer.concat([this.#rest, piece]).subarray(0, lineLimit)
  }
}
