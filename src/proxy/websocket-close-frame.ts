import { randomBytes } from 'node:crypto'

/** RFC 6455 §5.5: 125 bytes less the code. */
const largestReasonBytes = 123

/** A close frame for each side: unmasked for the client, masked for the server behind us. */
export interface CloseFrames {
  readonly code: number
  readonly toClient: Buffer
  readonly toUpstream: Buffer
}

/** @throws RangeError for a code that may not be sent, or a reason above 123 bytes. */
export function closeFrames(code: number, reason: string): CloseFrames {
  const text = Buffer.from(reason, 'utf8')
  if (text.length > largestReasonBytes) throw new RangeError('the reason of a close frame is too long')
  if (code < 1_000 || code > 4_999) throw new RangeError('not a close code')
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), text])
  const mask = randomBytes(4)
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0))
  return {
    code,
    toClient: Buffer.concat([Buffer.from([0x88, payload.length]), payload]),
    toUpstream: Buffer.concat([Buffer.from([0x88, 0x80 | payload.length]), mask, masked]),
  }
}
