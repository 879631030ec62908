import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Answer, isAnswer } from './answer.js'
import { identify } from './api.js'
import type { Call } from './call.js'
import { messageOf } from './error-messages.js'
import type { Session } from './sessions.js'
import type { World } from './world.js'

/** The websocket's path, with or without a trailing slash. */
export const websocketPath = /^\/api\/v4\/websocket\/?$/

/** The websocket's route needs no session, and is not held against the CSRF rule. */
const route = { session: 'none', trusting: true } as const

/** The value of Sec-WebSocket-Accept (RFC 6455 section 4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

/** A handshake's fate: refused, or upgraded for whoever it is; null is nobody (rules 61, 62, 64, 65). */
export function judgeHandshake(call: Call, world: World): Answer | Session | null {
  const actor = identify(call, world, route)
  if (actor !== null && isAnswer(actor)) return actor
  if (!isHandshake(call.headers, world)) return refusal(400, call, world)
  return originFits(call.headers, world) ? (actor?.session ?? null) : refusal(403, call, world)
}

/** The answer to a request for the websocket that does not ask to upgrade. */
export function refusedHandshake(call: Call, world: World): Answer {
  const judged = judgeHandshake(call, world)
  return judged !== null && isAnswer(judged) ? judged : refusal(400, call, world)
}

export function isHandshake(headers: IncomingHttpHeaders, world: World): boolean {
  const key = headers['sec-websocket-key'] ?? ''
  const goodKey = world.traits.checksHandshakeKey ? Buffer.from(key, 'base64').length === 16 : key !== ''
  return (
    headers.upgrade?.toLowerCase() === 'websocket' &&
    /\bupgrade\b/i.test(headers.connection ?? '') &&
    headers['sec-websocket-version'] === '13' &&
    goodKey
  )
}

function originFits(headers: IncomingHttpHeaders, world: World): boolean {
  const { origin } = headers
  if (origin === undefined) return true
  const { siteUrl, allowCorsFrom } = world.settings
  if (origin !== '' && allowCorsFrom.split(' ').includes(origin)) return true
  const sent = /^([a-z][a-z0-9+.-]*):\/\/([^/]+)$/i.exec(origin)
  if (sent === null) return false
  const [, scheme = '', host = ''] = sent
  if (world.traits.originAgainst === 'host' || siteUrl === '') {
    return host.toLowerCase() === headers.host?.toLowerCase()
  }
  const site = /^([a-z][a-z0-9+.-]*):\/\/([^/]+)/i.exec(siteUrl)
  return site?.[1] === scheme && site[2]?.toLowerCase() === host.toLowerCase()
}

/** The word, a line feed and the JSON of the upgrade error, whose status is not the answer's. */
function refusal(status: 400 | 403, call: Call, { traits }: World): Answer {
  const id = 'api.web_socket.connect.upgrade.app_error'
  const blocked = `URL Blocked because of CORS. Url: ${call.headers.origin ?? ''}`
  const now = traits.generation === '11'
  const error = {
    id,
    message: now ? blocked : messageOf(id),
    detailed_error: '',
    request_id: call.requestId,
    status_code: now ? 400 : 500,
  }
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Sec-Websocket-Version': '13',
    'X-Content-Type-Options': 'nosniff',
  }
  const word = status === 403 ? 'Forbidden' : 'Bad Request'
  return { status, headers, body: `${word}\n${JSON.stringify(error)}`, routed: 'api' }
}
