import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import http, { type RequestOptions } from 'node:http'
import https from 'node:https'
import { text as bodyText } from 'node:stream/consumers'
import type { SecureContextOptions } from 'node:tls'
import { Agent, type FormData, request, WebSocket } from 'undici'

/** Somebody who calls the gateway: with a certificate of the demo, or with none. */
export interface Caller {
  readonly name: string
  /** Where this caller goes: `https://…` or `http://…`, no path. */
  readonly origin: string
  readonly agent: Agent
  /** What its connections are made with; empty over plain http. */
  readonly tls: TlsOptions
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>
}

type TlsOptions = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'ciphers'>

export interface CallerFiles {
  readonly ca: string
  readonly certificate?: string
  readonly key?: string
}

/** OpenSSL 3 refuses a 1024-bit key of one's own at its default level; the demo shows the gateway's answer. */
const anyKeySize = 'DEFAULT@SECLEVEL=0'

export async function tlsCaller(name: string, origin: string, files: CallerFiles): Promise<Caller> {
  const tls: TlsOptions = {
    ca: await readFile(files.ca),
    ciphers: anyKeySize,
    ...(files.certificate === undefined ? {} : { cert: await readFile(files.certificate) }),
    ...(files.key === undefined ? {} : { key: await readFile(files.key) }),
  }
  return { name, origin, agent: new Agent({ connect: tls }), tls, headers: {} }
}

/** Brings a certificate in a header, as if it were the proxy. */
export function plainCaller(name: string, origin: string, headers: Record<string, string>): Caller {
  return { name, origin, agent: new Agent(), tls: {}, headers }
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

/** What came of opening Mattermost's websocket: its first event, or the answer in place of a websocket. */
export type WebsocketOutcome = { readonly event: string } | { readonly status: number; readonly text: string }

export function openWebsocket(caller: Caller, publicUrl: string): Promise<WebsocketOutcome> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${caller.origin.replace(/^http/, 'ws')}/api/v4/websocket`, {
      dispatcher: caller.agent,
      headers: { ...caller.headers, Origin: publicUrl },
    })
    socket.addEventListener('message', ({ data }) => {
      socket.close()
      resolve({ event: eventOf(String(data)) })
    })
    // A websocket client is not told why it was refused: the same upgrade is asked for by hand.
    socket.addEventListener('error', () => resolve(askForUpgrade(caller, publicUrl)))
  })
}

async function askForUpgrade(caller: Caller, publicUrl: string): Promise<WebsocketOutcome> {
  const { protocol, hostname, port } = new URL(caller.origin)
  const options: RequestOptions & TlsOptions = {
    ...{ hostname, port, path: '/api/v4/websocket', agent: false, ...caller.tls },
    headers: {
      ...caller.headers,
      ...{ Origin: publicUrl, Connection: 'Upgrade', Upgrade: 'websocket' },
      ...{ 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64') },
    },
  }
  const asked = protocol === 'https:' ? https.request(options) : http.request(options)
  asked.end()
  const [answer] = (await once(asked, 'response')) as [http.IncomingMessage]
  return { status: answer.statusCode ?? 0, text: await bodyText(answer) }
}

function eventOf(frame: string): string {
  const message: unknown = JSON.parse(frame)
  const named = typeof message === 'object' && message !== null && 'event' in message
  return named && typeof message.event === 'string' ? message.event : 'a frame without an event'
}
