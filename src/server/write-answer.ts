import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Answer } from '../pages/refusal-answer.js'

/** Answers a request whose body nobody reads: with a body under way, the connection ends after it. */
export function writeAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (bringsBody(request)) response.shouldKeepAlive = false
  response.writeHead(answer.status, answer.headers)
  response.end(answer.body)
}

/** Answers on a bare socket, where Node has no response object, and ends it. */
export function writeRawAnswer(socket: Duplex, answer: Answer): void {
  const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const reason = STATUS_CODES[answer.status] ?? ''
  socket.end(
    `HTTP/1.1 ${answer.status} ${reason}\r\n${lines.join('')}Connection: close\r\n\r\n${answer.body}`,
  )
}

function bringsBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}
