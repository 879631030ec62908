import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Answer } from '../pages/refusal-answer.js'
import { drainRequest } from '../proxy/http-request-body.js'

/** Answers a request whose body nobody reads: what of it still comes is dropped. */
export function writeAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, answer.headers)
  response.end(answer.body)
  drainRequest(request)
}

/** Answers on a bare socket, where Node has no response object, and ends it. */
export function writeRawAnswer(socket: Duplex, answer: Answer): void {
  const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const reason = STATUS_CODES[answer.status] ?? ''
  socket.end(
    `HTTP/1.1 ${answer.status} ${reason}\r\n${lines.join('')}Connection: close\r\n\r\n${answer.body}`,
    () => socket.destroy(),
  )
}
