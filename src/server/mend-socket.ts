import type { Socket } from 'node:net'
import type { MenderLoss } from './multiline-framing.js'
import { type MenderOptions, MultilineMender } from './multiline-mender.js'

export interface MendedSocket {
  /**
   * To be called by whoever answers an upgrade, once the 101 was sent: what the client sent behind its
   * request is held until then, and nothing is looked at afterwards. Any other answer to an upgrade
   * request must close the connection, as a next request on it would be held for ever.
   */
  passEverything(): void
  /** Why a request was made unreadable for the parser, for the log; null while none was. */
  readonly loss: MenderLoss | null
}

/**
 * Puts a mender between an accepted socket and Node's parser. Call it in a listener of the server's
 * `connection` that was added after Node's own, once per socket, for trusted peers only and never with
 * TLS of our own. The server must have listeners for `upgrade`.
 */
export function mendSocket(socket: Socket, options: MenderOptions): MendedSocket {
  const mender = new MultilineMender(options)
  readInJavaScript(socket)
  const push = socket.push.bind(socket)
  let ended = false
  socket.push = (chunk: unknown): boolean => {
    if (!Buffer.isBuffer(chunk)) {
      ended ||= chunk === null
      return push(chunk)
    }
    const mended = mender.mend(chunk)
    // Without a push the stream still waits for the read under way, so the handle has to go on reading.
    return mended.length === 0 ? !mender.full : push(mended)
  }
  return {
    passEverything: () => {
      socket.push = push
      const held = mender.passEverything()
      if (held.length > 0 && !ended) push(held)
    },
    get loss() {
      return mender.loss
    },
  }
}

/** Node's parser reads the handle natively until somebody else asks for data; from then on through `push`. */
function readInJavaScript(socket: Socket): void {
  const listener = () => undefined
  socket.on('data', listener)
  socket.off('data', listener)
}
