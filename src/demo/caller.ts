import { readFile } from 'node:fs/promises'
import { Agent, type FormData, request, WebSocket } from 'undici'

/** Somebody who calls the gateway: with a certificate of the demo, or with none. */
export interface Caller {
  readonly name: string
  /** Where this caller goes: `https://…` or `http://…`, no path. */
  readonly origin: string
  readonly agent: Agent
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>
}

export interface CallerFiles {
  readonly ca: string
  readonly certificate?: string
  readonly key?: string
}

/** OpenSSL 3 refuses a 1024-bit key of one's own at its default level; the demo shows the gateway's answer. */
const anyKeySize = 'DEFAULT@SECLEVEL=0'

export async function tlsCaller(name: string, origin: string, files: CallerFiles): Promise<Caller> {
  const connect = {
    ca: await readFile(files.ca),
    ciphers: anyKeySize,
    ...(files.certificate === undefined ? {} : { cert: await readFile(files.certificate) }),
    ...(files.key === undefined ? {} : { key: await readFile(files.key) }),
  }
  return { name, origin, agent: new Agent({ connect }), headers: {} }
}

/** Brings a certificate in a header, as if it were the proxy. */
export function plainCaller(name: string, origin: string, headers: Record<string, string>): Caller {
  return { name, origin, agent: new Agent(), headers }
}

export interface CallerAnswer {
  readonly status: number
  readonly contentType: string
  readonly setCookie: readonly string[]
  readonly text: string
}

export async function send(
  caller: Caller,
  method: 'GET' | 'POST',
  path: string,
  content: { headers?: Record<string, string>; body?: string | Buffer | FormData } = {},
): Promise<CallerAnswer> {
  const answer = await request(`${caller.origin}${path}`, {
    dispatcher: caller.agent,
    method,
    headers: { ...caller.headers, ...content.headers },
    ...(content.body === undefined ? {} : { body: content.body }),
  })
  const cookies = answer.headers['set-cookie'] ?? []
  return {
    status: answer.statusCode,
    contentType: String(answer.headers['content-type'] ?? ''),
    setCookie: Array.isArray(cookies) ? cookies : [cookies],
    text: await answer.body.text(),
  }
}

/** Opens Mattermost's websocket: the event of the first frame, or null where it was refused. */
export function openWebsocket(caller: Caller, publicUrl: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${caller.origin.replace(/^http/, 'ws')}/api/v4/websocket`, {
      dispatcher: caller.agent,
      headers: { ...caller.headers, Origin: publicUrl },
    })
    socket.addEventListener('message', ({ data }) => {
      socket.close()
      resolve(eventOf(String(data)))
    })
    socket.addEventListener('error', () => resolve(null))
    socket.addEventListener('close', () => resolve(null))
  })
}

function eventOf(frame: string): string {
  const message: unknown = JSON.parse(frame)
  const named = typeof message === 'object' && message !== null && 'event' in message
  return named && typeof message.event === 'string' ? message.event : 'a frame without an event'
}
