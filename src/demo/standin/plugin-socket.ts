import type { Duplex } from 'node:stream'
import { FrameSocket } from './frame-socket.js'

const maxPayloadBytes = 64 * 1024 * 1024

/** The websocket of the plugin `echo`: every frame comes back as it was, for anybody. */
export class PluginSocket {
  readonly #frames: FrameSocket

  constructor(stream: Duplex, head: Buffer, onEnd: (socket: PluginSocket) => void) {
    this.#frames = new FrameSocket(stream, maxPayloadBytes, {
      onFrame: ({ opcode, payload, fin }) => this.#frames.send(opcode, payload, fin),
      onTooLarge: () => this.#frames.close(1009),
      onEnd: () => onEnd(this),
    })
    this.#frames.start(head)
  }

  drop(): void {
    this.#frames.drop()
  }
}
