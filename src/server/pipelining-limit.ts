import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { AnswerTracker } from '../proxy/websocket-pipelining.js'

/** Requests of one connection that wait for their answers. Neither browsers nor nginx send a second one. */
const mostUnanswered = 32

/**
 * Node starts every request that it finds in what a client sent, and holds it back only once there are
 * answers to be read: until then one connection could pile up requests without end. What is too much ends
 * it, and the requests that came in the same piece go nowhere.
 *
 * @param ended told once for each connection
 */
export function limitPipelining(
  answers: AnswerTracker,
  listener: RequestListener,
  ended: (socket: Socket) => void,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { socket } = request
    if (socket.destroyed) return
    if (answers.unanswered(socket) > mostUnanswered) {
      ended(socket)
      socket.destroy()
    } else listener(request, response)
  }
}
