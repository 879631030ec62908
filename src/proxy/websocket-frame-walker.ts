/** RFC 6455 §7.1.5: a close frame without a code. */
const noStatusReceived = 1_005

const closeOpcode = 0x8
/** RFC 6455 §5.2: continuation, text, binary, close, ping, pong; the others are reserved. */
const knownOpcodes = new Set([0x0, 0x1, 0x2, closeOpcode, 0x9, 0xa])
const largestControlPayload = 125

/**
 * Follows the frames of one direction of a websocket (RFC 6455 §5.2) by their heads alone, over any
 * split into chunks, so that it is known where one frame ends and the next begins. Payloads are skipped,
 * but for the code of a close frame.
 */
export class FrameWalker {
  /** The code of the first close frame, 1005 where it has none, 0 while none passed. */
  closeCode = 0
  /** A head that no endpoint may send; nothing behind it can be followed. */
  malformed = false

  /** Bytes of the head read so far that matter: 0 the first, 1 the second, 2 the lengths and the mask. */
  #stage = 0
  #opcode = 0
  #lengthBytes = 0
  #maskBytes = 0
  /** The first two bytes of the masking key, which hide a close code. */
  #mask = 0
  /** Payload bytes that are still to come. */
  #left = 0
  #closeBytes = 0
  #code = 0

  /** The next byte, if any, begins a frame. */
  get atBoundary(): boolean {
    return this.#stage === 0
  }

  /**
   * Reads on. Returns how many bytes of the chunk were followed: all of them, or with `toBoundary` as many
   * as lie before the first frame boundary (0 if it stands at one). Stops at a malformed head.
   */
  walk(chunk: Uint8Array, toBoundary = false): number {
    let at = 0
    while (at < chunk.length && !this.malformed) {
      if (toBoundary && this.#stage === 0) return at
      at = this.#inPayload ? this.#skipPayload(chunk, at) : this.#readHeadByte(chunk[at] ?? 0, at)
    }
    return at
  }

  get #inPayload(): boolean {
    return this.#stage === 2 && this.#lengthBytes === 0 && this.#maskBytes === 0
  }

  #readHeadByte(byte: number, at: number): number {
    if (this.#stage === 0) this.#readFirst(byte)
    else if (this.#stage === 1) this.#readSecond(byte)
    else if (this.#lengthBytes > 0) this.#readLength(byte)
    else this.#readMask(byte)
    if (this.#inPayload && this.#left === 0) this.#endFrame()
    return at + 1
  }

  #readFirst(byte: number): void {
    const isFinal = byte >= 0x80
    this.#opcode = byte & 0x0f
    this.malformed = !knownOpcodes.has(this.#opcode) || (this.#isControl && !isFinal)
    this.#stage = 1
  }

  #readSecond(byte: number): void {
    const length = byte & 0x7f
    this.malformed = this.#isControl && length > largestControlPayload
    this.#lengthBytes = length === 126 ? 2 : length === 127 ? 8 : 0
    this.#left = this.#lengthBytes === 0 ? length : 0
    this.#maskBytes = byte >= 0x80 ? 4 : 0
    this.#mask = 0
    this.#stage = 2
  }

  #readLength(byte: number): void {
    this.#left = this.#left * 256 + byte
    this.#lengthBytes -= 1
    // The highest bit must be 0, and what a double cannot count nobody can send.
    this.malformed = this.#left > Number.MAX_SAFE_INTEGER
  }

  #readMask(byte: number): void {
    this.#maskBytes -= 1
    if (this.#maskBytes >= 2) this.#mask = this.#mask * 256 + byte
  }

  #skipPayload(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    if (this.#opcode === closeOpcode) this.#readCode(chunk, at, end)
    this.#left -= end - at
    if (this.#left === 0) this.#endFrame()
    return end
  }

  #readCode(chunk: Uint8Array, from: number, end: number): void {
    for (let at = from; at < end && this.#closeBytes < 2; at += 1) {
      this.#code = this.#code * 256 + (chunk[at] ?? 0)
      this.#closeBytes += 1
    }
  }

  #endFrame(): void {
    if (this.#opcode === closeOpcode && this.closeCode === 0) {
      this.closeCode = this.#closeBytes === 2 ? this.#code ^ this.#mask : noStatusReceived
    }
    this.#stage = 0
    this.#closeBytes = 0
    this.#code = 0
  }

  get #isControl(): boolean {
    return this.#opcode >= 0x8
  }
}
