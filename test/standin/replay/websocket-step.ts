import { setTimeout as wait } from 'node:timers/promises'
import { differences, valueDifferences } from './compare.js'
import type { Placeholders } from './placeholders.js'
import type { RecordedFrame, Step } from './recording.js'
import { type ReceivedFrame, WebsocketClient } from './websocket-client.js'

const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const

export interface Surroundings {
  readonly url: string
  readonly known: Placeholders
  readonly challengeTimeoutMs: number
  /** What the recorder did to the user or the token while the socket was open. */
  readonly act: () => Promise<void>
}

/** Plays one websocket as it was recorded and says in what it went otherwise. */
export async function playWebsocket(step: Step, around: Surroundings): Promise<string[]> {
  const { known, challengeTimeoutMs } = around
  const sent = known.fillDeep(step.request ?? {})
  const { client, answer, isRight } = await WebsocketClient.open(
    around.url,
    sent.path ?? '',
    sent.headers ?? {},
  )
  try {
    const found = differences(step.upgrade ?? {}, answer, known)
    if (answer.status !== 101) return found
    if (!isRight) found.push('Sec-WebSocket-Accept is wrong')
    const actAfterFrames = !(step.frames ?? []).some((frame) => frame.from === 'recorder')
    for (const frame of step.frames ?? []) found.push(...(await playFrame(frame, client, around)))
    if (actAfterFrames) await around.act()
    return [...found, ...(await closeDifferences(step, client, challengeTimeoutMs))]
  } finally {
    client.hangUp()
  }
}

async function playFrame(
  frame: RecordedFrame,
  client: WebsocketClient,
  around: Surroundings,
): Promise<string[]> {
  const { known } = around
  if (frame.from === 'recorder') {
    await wait(around.challengeTimeoutMs * 1.5)
    await around.act()
    return []
  }
  if (frame.from === 'client') {
    client.send(opcodes[frame.opcode ?? 'text'], payloadOf(frame, known))
    return []
  }
  const received = await client.next(1000)
  if (received === null) return [`no frame where ${JSON.stringify(frame.data).slice(0, 60)} was recorded`]
  return valueDifferences(frame.data, JSON.parse(received.payload.toString('utf8')), known, 'frame')
}

function payloadOf(frame: RecordedFrame, known: Placeholders): Buffer {
  const { data } = frame
  if (frame.opcode === 'close') {
    const payload = Buffer.alloc(2)
    payload.writeUInt16BE((data as { code: number }).code)
    return payload
  }
  if (data === '(9 KiB of JSON)') return Buffer.from(JSON.stringify({ seq: 1, action: 'x'.repeat(9216) }))
  return Buffer.from(typeof data === 'string' ? data : JSON.stringify(known.fillDeep(data)))
}

/** Above this the recorder waited for an end, or for there being none. */
const watchedMs = 4500

async function closeDifferences(
  { close }: Step,
  client: WebsocketClient,
  timeoutMs: number,
): Promise<string[]> {
  const watched = (close?.afterMs ?? 0) > watchedMs
  if (close?.by === 'recorder' && !watched) return []
  const frame: ReceivedFrame | null = await client.next(timeoutMs * 1.5)
  const code = frame?.opcode === opcodes.close ? frame.payload.readUInt16BE(0) : undefined
  if (close?.by === 'recorder') return client.ended || code !== undefined ? ['the server ended it'] : []
  if (code !== close?.code) return [`close code ${code ?? 'none'}, recorded ${close?.code ?? 'none'}`]
  return code !== undefined || client.ended ? [] : ['the server did not end it']
}
