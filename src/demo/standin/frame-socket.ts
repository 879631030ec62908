import type { Duplex } from 'node:stream'
import { encodeClose, encodeFrame, type Frame, FrameReader, opcodes } from './frames.js'

export interface FrameSocketEvents {
  readonly onFrame: (frame: Frame) => void
  readonly onTooLarge: () => void
  /** Once, however the connection ended. */
  readonly onEnd: () => void
}

/** The server's end of an upgraded connection: frames out, frames in, pings answered, a close echoed. */
export class FrameSocket {
  readonly #stream: Duplex
  readonly #reader: FrameReader
  readonly #events: FrameSocketEvents
  #ended = false

  constructor(stream: Duplex, maxPayloadBytes: number, events: FrameSocketEvents) {
    this.#stream = stream
    this.#reader = new FrameReader(maxPayloadBytes)
    this.#events = events
    stream.on('data', (chunk: Buffer) => this.#read(chunk))
    stream.on('drain', () => stream.resume())
    stream.on('end', () => this.drop())
    stream.on('error', () => this.drop())
    stream.on('close', () => this.#end())
  }

  /** For bytes that came together with the handshake. */
  start(head: Buffer): void {
    if (head.length > 0) this.#read(head)
  }

  send(opcode: number, payload: Buffer, fin = true): void {
    // A reader that does not read holds its sender, too.
    if (!this.#ended && !this.#stream.write(encodeFrame(opcode, payload, fin))) this.#stream.pause()
  }

  sendText(text: string): void {
    this.send(opcodes.text, Buffer.from(text))
  }

  /** Ends the connection with a close frame. */
  close(code: number): void {
    if (!this.#ended) this.#stream.end(encodeClose(code))
    this.#end()
  }

  /** Ends the connection without a close frame, the way Mattermost does. */
  drop(): void {
    this.#stream.destroy()
    this.#end()
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return
    const { frames, broken } = this.#reader.push(chunk)
    for (const frame of frames) this.#take(frame)
    if (broken === 'too-large') this.#events.onTooLarge()
    else if (broken !== null) this.drop()
  }

  #take(frame: Frame): void {
    if (this.#ended) return
    if (frame.opcode === opcodes.ping) this.send(opcodes.pong, frame.payload)
    else if (frame.opcode === opcodes.close) {
      this.close(frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1000)
    } else this.#events.onFrame(frame)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#events.onEnd()
  }
}
