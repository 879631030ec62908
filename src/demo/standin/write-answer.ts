import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { Answer } from './answer.js'
import { messageOf } from './error-messages.js'
import type { World } from './world.js'

/** Below this size the server does not compress. */
const minGzipBytes = 1400
/** Above this size Go sends a body without a known length as chunks. */
const maxBufferedBytes = 2048

export interface Asked {
  readonly path: string
  readonly requestId: string
}

/** Writes an answer with the headers of rule 1 where it was routed, and gzipped where rule 7 says so. */
export function writeAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  asked: Asked,
  world: World,
): void {
  for (const [name, value] of Object.entries(standardHeaders(request, answer, asked, world))) {
    response.setHeader(name, value)
  }
  for (const [name, value] of Object.entries(answer.headers)) {
    response.setHeader(name, typeof value === 'string' ? value : [...value])
  }
  // Go says nothing about a connection that stays open.
  const closes = request.headers.connection?.toLowerCase() === 'close' || 'Connection' in answer.headers
  if (!closes) response.removeHeader('Connection')
  response.statusCode = answer.status
  const body = Buffer.from(
    answer.errorId === undefined ? answer.body : errorBody(answer, answer.errorId, asked),
  )
  writeBody(request, response, answer, body, world)
}

function standardHeaders(
  request: IncomingMessage,
  { routed }: Answer,
  { requestId }: Asked,
  world: World,
): Record<string, string> {
  if (routed === 'bare') return {}
  return {
    ...(world.traits.securityHeaders
      ? { 'Permissions-Policy': '', 'Referrer-Policy': 'no-referrer', 'X-Content-Type-Options': 'nosniff' }
      : {}),
    ...(routed === 'page' ? {} : { Vary: 'Accept-Encoding' }),
    ...(routed === 'file' ? {} : { 'X-Request-Id': requestId, 'X-Version-Id': world.versionId }),
    ...(routed === 'api' && request.method === 'GET' ? { Expires: '0' } : {}),
  }
}

function errorBody(answer: Answer, id: string, { path, requestId }: Asked): string {
  const unknownPath = `There doesn't appear to be an api call for the url='${path}'.  Typo? are you missing a team_id or user_id as part of the url?`
  const isUnknown = id === 'api.context.404.app_error'
  return JSON.stringify({
    id,
    message: messageOf(id),
    detailed_error: isUnknown ? unknownPath : '',
    ...(isUnknown ? {} : { request_id: requestId }),
    status_code: answer.status,
  })
}

function writeBody(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  body: Buffer,
  world: World,
): void {
  if (answer.status === 304) {
    response.end()
    return
  }
  const compressible = answer.status === 200 && (answer.routed === 'api' || answer.routed === 'file')
  const accepted = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  if (compressible && accepted && body.length >= minGzipBytes) {
    const packed = gzipSync(body)
    response.setHeader('Content-Encoding', 'gzip')
    if (world.traits.generation === '11') response.removeHeader('Accept-Ranges')
    response.setHeader('Content-Length', packed.length)
    response.end(packed)
    return
  }
  const chunked = answer.headers['Content-Type'] === 'application/json' && body.length > maxBufferedBytes
  if (!chunked) response.setHeader('Content-Length', body.length)
  response.write(body)
  response.end()
}
