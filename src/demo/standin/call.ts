import type { IncomingHttpHeaders } from 'node:http'
import type { Account } from './accounts.js'
import type { Session } from './sessions.js'

/** One request as a route sees it. */
export interface Call {
  readonly method: string
  /** As routes match it: percent-decoded once (rule 8). */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly requestId: string
  /** Came by the local-mode socket: no credential is asked, everything is allowed. */
  readonly local: boolean
  readonly peer: { readonly address: string; readonly port: number }
  /** Reads the body once; a second call gives the same bytes. */
  readonly readBody: () => Promise<Buffer>
}

/** Who asks: a user by a session, or the local-mode socket (both null). */
export interface Actor {
  readonly account: Account | null
  readonly session: Session | null
  readonly mayManage: boolean
}

/** The JSON object of a body; empty where the body is none. Mattermost reads a broken one as that, too. */
export async function readObject(call: Call): Promise<Record<string, unknown>> {
  const value = await readJson(call)
  return isObject(value) ? value : {}
}

export async function readJson(call: Call): Promise<unknown> {
  const body = await call.readBody()
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member as text; empty where it is missing or of another type. */
export function textOf(object: Record<string, unknown>, name: string): string {
  const value = object[name]
  return typeof value === 'string' ? value : ''
}
