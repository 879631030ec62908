import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * An answer on a socket that Node handed over with `upgrade`: a ServerResponse does the framing. The
 * connection is half-closed after it; destroying it is the owner's part.
 */
export function answerOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.sendDate = false
  response.assignSocket(socket)
  const drained = () => void response.emit('drain')
  socket.on('drain', drained)
  response.on('error', () => socket.destroy())
  response.on('finish', () => {
    socket.off('drain', drained)
    response.detachSocket(socket)
    socket.end()
  })
  return response
}
