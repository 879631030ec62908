import { errors, Pool } from 'undici'
import { Fault } from '../core/faults.js'

/** The longest answer that is read. */
const answerBytes = 1024 * 1024
const connections = 16
/** Mattermost closes an idle connection after 60 s (contract rule 11): ours ends well before. */
const keepAliveMs = 10_000

export interface ApiRequest {
  readonly method: 'GET' | 'POST'
  /** Target with its query, already encoded. */
  readonly path: string
  readonly authorization: string | null
  /** Sent as JSON. */
  readonly body?: object
  /** From the start to the last byte of the answer. */
  readonly timeoutMs: number
  /** What is being done, for a Fault's message. */
  readonly operation: string
}

export interface ApiAnswer {
  readonly status: number
  readonly retryAfter: string | null
  /** The server's clock, as its Date header says. */
  readonly date: string | null
  /** Parsed JSON; null where the answer was something else. */
  readonly json: unknown
}

/** The request was not answered; `sent` is false where it certainly never reached Mattermost. */
export class UnansweredFault extends Fault {
  readonly sent: boolean

  constructor(operation: string, reason: string, sent: boolean, cause: unknown) {
    super('ERR_MATTERMOST_UNREACHABLE', `${operation}: ${reason}`, { cause })
    this.name = 'UnansweredFault'
    this.sent = sent
  }
}

/** JSON over HTTP to one server, bounded in time and size. Follows no redirect and repeats nothing. */
export class ApiConnection {
  readonly #pool: Pool

  /**
   * @param origin of the server; https is verified
   * @param socketPath of the server's unix socket; null: over the network
   */
  constructor(origin: string, socketPath: string | null = null) {
    this.#pool = new Pool(origin, {
      connections,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      connect: { timeout: 5_000, ...(socketPath === null ? {} : { socketPath }) },
    })
  }

  /** @throws UnansweredFault; Fault ERR_MATTERMOST_ANSWER for an answer that is too long */
  async exchange(request: ApiRequest): Promise<ApiAnswer> {
    const { method, path, timeoutMs, operation } = request
    try {
      const answer = await this.#pool.request({
        method,
        path,
        headers: headersOf(request),
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal: AbortSignal.timeout(timeoutMs),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      })
      const text = await readBounded(answer.body, operation)
      const { 'retry-after': retryAfter, date } = answer.headers
      return {
        status: answer.statusCode,
        retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
        date: typeof date === 'string' ? date : null,
        json: parseJson(text),
      }
    } catch (error) {
      throw error instanceof Fault ? error : unanswered(operation, error)
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

function headersOf({ authorization, body }: ApiRequest): Record<string, string> {
  return {
    accept: 'application/json',
    'user-agent': 'mattergate',
    ...(authorization === null ? {} : { authorization }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
}

async function readBounded(body: AsyncIterable<Uint8Array>, operation: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early destroys the body, and with it the connection.
  for await (const chunk of body) {
    length += chunk.length
    if (length > answerBytes) {
      throw new Fault('ERR_MATTERMOST_ANSWER', `${operation}: the answer is longer than ${answerBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** A parser's own error quotes the text, and the text may hold a token: nothing of it is passed on. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Codes of errors that come before the first byte is sent. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function unanswered(operation: string, error: unknown): UnansweredFault {
  // undici's parser error carries the bytes that it stumbled on, which may hold a token.
  const cause = error instanceof errors.HTTPParserError ? undefined : error
  return new UnansweredFault(operation, reasonOf(error), !unsentCodes.has(codeOf(error)), cause)
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'Mattermost did not answer in time'
  const code = codeOf(error)
  return `Mattermost cannot be reached${code === '' ? '' : ` (${code})`}`
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : ''
}
