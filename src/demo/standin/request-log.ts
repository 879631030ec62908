import type { IncomingMessage } from 'node:http'

/** What reached the server, exactly as it came. */
export interface LoggedRequest {
  readonly method: string
  /** The request target, undecoded. */
  readonly target: string
  /** Names and values in turn, in the order and spelling in which they came. */
  readonly rawHeaders: readonly string[]
  /** How much of its body has been read so far. */
  bodyBytes: number
  /** Asked to switch to another protocol. */
  readonly upgrade: boolean
  /** Came by the local-mode socket. */
  readonly local: boolean
}

export function logged(request: IncomingMessage, upgrade: boolean, local: boolean): LoggedRequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: [...request.rawHeaders],
    bodyBytes: 0,
    upgrade,
    local,
  }
}
