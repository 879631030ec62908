/** Shared by all connections: a chunk is mended in one synchronous go. */
let scratch = Buffer.allocUnsafe(64 * 1_024)

/** A byte grows to three at most; the rest is room for what was held back of the chunk before. */
const growth = 3
const room = 256

const digits = '0123456789ABCDEF'

/** What becomes of one chunk: the chunk itself where nothing changed, a copy where something did. */
export class MendedOutput {
  #chunk: Buffer = Buffer.alloc(0)
  /** Up to here the chunk was copied or left out; behind it nothing is changed yet. */
  #from = 0
  #written = 0
  #changed = false

  begin(chunk: Buffer): void {
    this.#chunk = chunk
    this.#from = 0
    this.#written = 0
    this.#changed = false
    const needed = chunk.length * growth + room
    if (scratch.length < needed) scratch = Buffer.allocUnsafe(needed)
  }

  /** Bytes that go out for the chunk's bytes before `at`. */
  lengthAt(at: number): number {
    return this.#written + at - this.#from
  }

  /** The chunk's bytes from `from` to `to` do not go out; what is put next stands in their place. */
  leaveOut(from: number, to: number): void {
    if (from > this.#from) {
      scratch.set(this.#chunk.subarray(this.#from, from), this.#written)
      this.#written += from - this.#from
    }
    this.#from = to
    this.#changed = true
  }

  put(byte: number): void {
    scratch[this.#written] = byte
    this.#written += 1
  }

  putEscaped(byte: number): void {
    this.put(0x25)
    this.put(digits.charCodeAt(byte >> 4))
    this.put(digits.charCodeAt(byte & 0xf))
  }

  putText(ascii: string): void {
    this.#written += scratch.write(ascii, this.#written, 'latin1')
  }

  /** What goes out: the chunk itself, or a copy. */
  end(): Buffer {
    return this.#changed ? this.endAt(this.#chunk.length) : this.#chunk
  }

  /** What goes out for the bytes before `at`, as a copy. */
  endAt(at: number): Buffer {
    this.leaveOut(at, this.#chunk.length)
    return Buffer.from(scratch.subarray(0, this.#written))
  }
}
