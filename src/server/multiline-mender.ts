import { endOfRun, fieldValue, hexadecimal } from './multiline-bytes.js'
import type { MenderLoss } from './multiline-framing.js'
import { HeaderBlock } from './multiline-head.js'
import { MendedOutput } from './multiline-output.js'

export interface MenderOptions {
  /** Name of the header in which nginx sends `$ssl_client_cert`; case is folded. */
  readonly certificateHeader: string
  /** Bound of a header block as it goes out: the parser's own `maxHeaderSize`. */
  readonly maxHeaderBytes: number
}

/** What the next byte belongs to. */
type Phase =
  | 'header_block'
  | 'body'
  | 'chunk_size'
  | 'chunk_extension'
  | 'chunk_size_line_feed'
  | 'chunk_data'
  | 'chunk_data_end'
  | 'chunk_data_line_feed'
  /** Behind an upgrade request: held until it is answered. */
  | 'upgrade'
  | 'lost'
  | 'everything'

const [carriageReturn, lineFeed, semicolon] = [0x0d, 0x0a, 0x3b]
/** Below 2^53, and far more than any chunk. */
const chunkSizeDigits = 13

const nothing = Buffer.alloc(0)
const nul = Buffer.from([0])

/**
 * Mends nginx's multi-line certificate header ahead of Node's strict parser: bytes in, bytes out, one
 * instance per connection. It follows the framing (RFC 9112) just far enough to know where a header block
 * begins, and changes there nothing but the value of the certificate header, where it has exactly the form
 * of nginx's `$ssl_client_cert`, into that of `$ssl_client_escaped_cert`. All other bytes go out as they
 * came and at once, for the parser to judge.
 *
 * Where the framing is lost, or is not of the narrow form that mender and parser certainly read alike, a
 * NUL goes out and nothing after it. The parser refuses a NUL in each of these phases, so the answer is
 * 400; a header block over its bound is filled up first, until the parser answers 431.
 */
export class MultilineMender {
  readonly #maxHeaderBytes: number
  readonly #block: HeaderBlock
  readonly #output = new MendedOutput()
  #phase: Phase = 'header_block'
  #loss: MenderLoss | null = null
  /** Of the body or chunk that is being passed. */
  #remaining = 0
  /** Digits of the chunk size that is being read. */
  #size = ''
  #held: Buffer[] = []
  #heldBytes = 0

  constructor({ certificateHeader, maxHeaderBytes }: MenderOptions) {
    this.#maxHeaderBytes = maxHeaderBytes
    this.#block = new HeaderBlock(certificateHeader.toLowerCase(), maxHeaderBytes)
    this.#block.beginRequest()
  }

  /** Why it refused; null while it did not. */
  get loss(): MenderLoss | null {
    return this.#loss
  }

  /** What is held behind an upgrade request has reached the bound of a header block: read no more. */
  get full(): boolean {
    return this.#heldBytes >= this.#maxHeaderBytes
  }

  /** The bytes that go on to the parser: the chunk itself where nothing was changed; maybe none. */
  mend(chunk: Buffer): Buffer {
    if (this.#phase === 'everything') return chunk
    if (this.#phase === 'lost') return nothing
    this.#output.begin(chunk)
    let at = 0
    while (at < chunk.length && this.#phase !== 'upgrade' && this.#loss === null) at = this.#step(chunk, at)
    if (this.#loss !== null) return this.#refuse(at, this.#loss)
    if (at < chunk.length) this.#hold(chunk, at)
    return this.#output.end()
  }

  /**
   * From now on nothing is looked at any more: called once the 101 of an upgrade was sent.
   *
   * @returns what came behind the upgrade request and was held; maybe nothing.
   */
  passEverything(): Buffer {
    this.#phase = 'everything'
    const held = Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    return held
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#phase) {
      case 'header_block':
        return this.#readBlock(chunk, at)
      case 'body':
        return this.#passBody(chunk, at, 'header_block')
      case 'chunk_data':
        return this.#passBody(chunk, at, 'chunk_data_end')
      case 'chunk_size':
        return this.#readChunkSize(chunk, at)
      case 'chunk_extension':
        return this.#readChunkExtension(chunk, at)
      case 'chunk_data_end':
        return this.#expect(carriageReturn, chunk[at], at, 'chunk_data_line_feed')
      case 'chunk_data_line_feed':
        return this.#expect(lineFeed, chunk[at], at, 'chunk_size')
      case 'chunk_size_line_feed':
        return this.#endChunkSize(chunk[at], at)
      case 'upgrade':
      case 'lost':
      case 'everything':
        return at
    }
  }

  #readBlock(chunk: Buffer, start: number): number {
    const block = this.#block
    const at = block.read(chunk, start, this.#output)
    this.#loss = block.loss
    if (block.done) this.#afterBlock()
    return at
  }

  #afterBlock(): void {
    const body = this.#block.takeBody()
    switch (body.kind) {
      case 'upgrade':
        this.#phase = 'upgrade'
        return
      case 'chunked':
        this.#phase = 'chunk_size'
        return
      case 'length':
        this.#remaining = body.bytes
        this.#phase = body.bytes === 0 ? 'header_block' : 'body'
    }
  }

  #passBody(chunk: Buffer, start: number, next: Phase): number {
    const taken = Math.min(this.#remaining, chunk.length - start)
    this.#remaining -= taken
    if (this.#remaining === 0) this.#phase = next
    return start + taken
  }

  #readChunkSize(chunk: Buffer, start: number): number {
    const room = chunkSizeDigits - this.#size.length
    const at = Math.min(endOfRun(chunk, start, hexadecimal), start + room)
    this.#size += chunk.toString('latin1', start, at)
    if (at === chunk.length) return at
    const byte = chunk[at]
    const ends = byte === carriageReturn || byte === semicolon
    if (!ends || this.#size === '') return this.#lose('chunk', at)
    this.#remaining = Number.parseInt(this.#size, 16)
    this.#size = ''
    this.#phase = byte === semicolon ? 'chunk_extension' : 'chunk_size_line_feed'
    return at + 1
  }

  /** Its length is the parser's to bound. */
  #readChunkExtension(chunk: Buffer, start: number): number {
    const at = endOfRun(chunk, start, fieldValue)
    if (at === chunk.length) return at
    return this.#expect(carriageReturn, chunk[at], at, 'chunk_size_line_feed')
  }

  #endChunkSize(byte: number | undefined, at: number): number {
    if (this.#remaining > 0) return this.#expect(lineFeed, byte, at, 'chunk_data')
    this.#block.beginTrailers()
    return this.#expect(lineFeed, byte, at, 'header_block')
  }

  #expect(wanted: number, byte: number | undefined, at: number, next: Phase): number {
    if (byte !== wanted) return this.#lose('chunk', at)
    this.#phase = next
    return at + 1
  }

  #lose(loss: MenderLoss, at: number): number {
    this.#loss = loss
    return at
  }

  #refuse(at: number, loss: MenderLoss): Buffer {
    this.#phase = 'lost'
    const before = this.#output.endAt(at)
    if (loss !== 'header_too_large') return Buffer.concat([before, nul])
    // Whatever of it the parser takes for a name, a value or a target, it is too long, and it ends.
    const filling = Buffer.alloc(this.#maxHeaderBytes + 1, 'a')
    return Buffer.concat([before, filling, Buffer.from(':\r\n'), nul])
  }

  #hold(chunk: Buffer, at: number): void {
    this.#held.push(chunk.subarray(at))
    this.#heldBytes += chunk.length - at
    this.#output.leaveOut(at, chunk.length)
  }
}
