import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Refusal } from '../core/refusals.js'
import { foldName } from './header-names.js'

/** RFC 6455 §1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** 16 bytes in base64: 22 characters, the last of which carries two bits, and the padding. */
const keyForm = /^[A-Za-z0-9+/]{21}[AQgw]==$/

/** The client's key, or why this is no opening handshake of a websocket (RFC 6455 §4.2.1). */
export function clientKey(request: IncomingMessage): string | Refusal {
  const { method, httpVersion, rawHeaders } = request
  if (method !== 'GET') return refused('a websocket begins with GET')
  if (httpVersion !== '1.1') return refused('a websocket begins with HTTP/1.1')
  const version = valuesOf(rawHeaders, 'sec-websocket-version')
  if (version.length !== 1 || version[0] !== '13') return refused('Sec-WebSocket-Version is not 13')
  const [key, ...more] = valuesOf(rawHeaders, 'sec-websocket-key')
  if (key === undefined || more.length > 0 || !keyForm.test(key)) {
    return refused('Sec-WebSocket-Key is not 16 bytes in base64')
  }
  // What Node hands over as the first bytes of the websocket would be this body.
  const bodies = valuesOf(rawHeaders, 'content-length').filter((length) => !/^0+$/.test(length))
  if (bodies.length > 0 || valuesOf(rawHeaders, 'transfer-encoding').length > 0) {
    return refused('a websocket begins without a body')
  }
  return key
}

/** Whether the 101 from upstream agrees to the websocket that this key asked for (RFC 6455 §4.1). */
export function accepts(response: IncomingMessage, key: string): boolean {
  const { statusCode, rawHeaders } = response
  const upgrade = valuesOf(rawHeaders, 'upgrade')
  const accept = valuesOf(rawHeaders, 'sec-websocket-accept')
  return (
    statusCode === 101 &&
    upgrade.length === 1 &&
    upgrade[0]?.toLowerCase() === 'websocket' &&
    accept.length === 1 &&
    accept[0] === acceptValue(key)
  )
}

function acceptValue(key: string): string {
  return createHash('sha1').update(`${key}${acceptSuffix}`).digest('base64')
}

function valuesOf(rawHeaders: readonly string[], folded: string): string[] {
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (foldName(rawHeaders[at] ?? '') === folded) values.push((rawHeaders[at + 1] ?? '').trim())
  }
  return values
}

function refused(detail: string): Refusal {
  return new Refusal('upgrade_refused', { detail })
}
