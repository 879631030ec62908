import { FormData } from 'undici'
import { type Caller, openWebsocket, send } from './caller.js'
import type { Row } from './table.js'

/** What the gateway should make of a caller: sign in as this user, or refuse with this code. */
export type Expectation = { readonly user: string } | { readonly refusal: string; readonly status: number }

/** Where nginx itself refuses, its own page says so: status 400, no code of ours. */
export const refusedByNginx: Expectation = { refusal: 'nginx', status: 400 }

/** What requests need to know of the demo. */
export interface Scene {
  readonly publicUrl: string
  readonly channelId: string
}

/** Every kind of request, by this caller, through the whole path. */
export async function callerRows(caller: Caller, expectation: Expectation, scene: Scene): Promise<Row[]> {
  const rows: Row[] = []
  for (const { request, good, ask } of kinds) {
    const expected = 'user' in expectation ? good(expectation.user) : refusalText(expectation)
    rows.push({ caller: caller.name, request, expected, came: await ask(caller, scene) })
  }
  return rows
}

interface Kind {
  readonly request: string
  /** What comes back for this user. */
  readonly good: (user: string) => string
  readonly ask: (caller: Caller, scene: Scene) => Promise<string>
}

const kinds: readonly Kind[] = [
  {
    request: 'GET /',
    good: () => '200 the page, MMUSERID set',
    ask: async (caller) => {
      const headers = { Accept: 'text/html', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }
      const answer = await send(caller, 'GET', '/', { headers })
      if (answer.status !== 200) return refused(answer.status, answer.text)
      const signedIn = answer.setCookie.some((cookie) => cookie.startsWith('MMUSERID='))
      return signedIn ? '200 the page, MMUSERID set' : '200 without MMUSERID'
    },
  },
  {
    request: 'GET /api/v4/users/me',
    good: (user) => `200 ${user}`,
    ask: async (caller) => {
      const answer = await send(caller, 'GET', '/api/v4/users/me')
      return answer.status === 200
        ? `200 ${field(answer.text, 'username')}`
        : refused(answer.status, answer.text)
    },
  },
  {
    request: 'POST /api/v4/posts',
    good: () => '201 hello',
    ask: async (caller, { channelId }) => {
      const body = JSON.stringify({ channel_id: channelId, message: 'hello' })
      const content = { headers: { 'Content-Type': 'application/json' }, body }
      const answer = await send(caller, 'POST', '/api/v4/posts', content)
      return answer.status === 201
        ? `201 ${field(answer.text, 'message')}`
        : refused(answer.status, answer.text)
    },
  },
  {
    request: 'POST /api/v4/files (upload)',
    good: () => '201 its name is hello.txt',
    ask: async (caller, { channelId }) => {
      const body = new FormData()
      body.append('channel_id', channelId)
      body.append('files', new Blob(['hello, mattergate\n']), 'hello.txt')
      const answer = await send(caller, 'POST', '/api/v4/files', { body })
      if (answer.status !== 201) return refused(answer.status, answer.text)
      return answer.text.includes('"name":"hello.txt"') ? '201 its name is hello.txt' : '201 without the file'
    },
  },
  {
    request: 'websocket',
    good: () => 'hello',
    ask: async (caller, { publicUrl }) => {
      const outcome = await openWebsocket(caller, publicUrl)
      return 'event' in outcome ? outcome.event : refused(outcome.status, outcome.text)
    },
  },
]

function refusalText(expectation: { readonly refusal: string; readonly status: number }): string {
  return `${expectation.status} ${expectation.refusal}`
}

/** Status and code of a refusal: in JSON its id, on a page and in text the code stands as such. */
function refused(status: number, text: string): string {
  const code = /"id":"mattergate\.(\w+)"/.exec(text)?.[1] ?? /<code>(\w+)<\/code>/.exec(text)?.[1]
  if (code !== undefined) return `${status} ${code}`
  return text.includes('<center>nginx') ? `${status} nginx` : `${status} ${text.slice(0, 60)}`
}

function field(text: string, name: string): string {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) return 'no object'
  const entry = Object.entries(value).find(([key]) => key === name)
  return typeof entry?.[1] === 'string' ? entry[1] : `no ${name}`
}
