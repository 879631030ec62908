import type { Socket } from 'node:net'
import { FrameWalker } from './websocket-frame-walker.js'

/** One direction of an open websocket: bytes as they come, with back-pressure, and frames followed. */
export class WebsocketFlow {
  /** Sent on, frame heads included. */
  bytes = 0

  readonly #from: Socket
  readonly #to: Socket
  readonly #walker = new FrameWalker()
  #closeFrame: Buffer | null = null
  #closed = false

  constructor(from: Socket, to: Socket) {
    this.#from = from
    this.#to = to
  }

  /** The code of the close frame that passed; 0 while none did. */
  get closeCode(): number {
    return this.#walker.closeCode
  }

  /** False: this is no frame, and no end of it can be found. */
  take(chunk: Buffer): boolean {
    // Behind our close frame nothing is sent, yet all is read: unread bytes would make a reset of our end.
    if (this.#closed) return true
    const closing = this.#closeFrame !== null
    const followed = this.#walker.walk(chunk, closing)
    if (this.#walker.malformed) return false
    const room = this.#send(followed < chunk.length ? chunk.subarray(0, followed) : chunk)
    // While the end of a frame is waited for, too: it may be long, and its reader stuck.
    if (!room) this.#from.pause()
    if (closing) this.#closeAtBoundary()
    return true
  }

  /** There is room again. */
  drained(): void {
    this.#from.resume()
  }

  /** Sends this frame, and then nothing more, where the frame under way ends. */
  close(frame: Buffer): void {
    this.#closeFrame = frame
    this.#closeAtBoundary()
  }

  #send(bytes: Buffer): boolean {
    if (bytes.length === 0 || !this.#to.writable) return true
    this.bytes += bytes.length
    return this.#to.write(bytes)
  }

  #closeAtBoundary(): void {
    if (this.#closeFrame === null || !this.#walker.atBoundary) return
    if (this.closeCode === 0) this.#send(this.#closeFrame)
    this.#closed = true
    this.#closeFrame = null
    this.#from.resume()
  }
}
