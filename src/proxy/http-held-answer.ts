import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

const mostHeldBytes = 65_536
const mostDecodedBytes = 262_144
/** The one id of all 401 of a credential (contract rule 14). */
const deadTokenId = 'api.context.session_expired.app_error'

const decodeGzip = promisify(gunzip)

/** A 401 held back until it is known whether it speaks of a dead token. */
export class HeldAnswer {
  readonly status: number
  readonly headers: readonly Buffer[]
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(status: number, headers: readonly Buffer[]) {
    this.status = status
    this.headers = headers
  }

  /** @returns false: too long for what is looked for; pass it on */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    return this.#bytes <= mostHeldBytes
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  async namesDeadToken(): Promise<boolean> {
    const text = await this.#decoded()
    return text !== null && errorId(text) === deadTokenId
  }

  /** Null: in an encoding that Mattermost does not use, or damaged. */
  async #decoded(): Promise<string | null> {
    const encoding = headerValue(this.headers, 'content-encoding')
    if (encoding === null || encoding === 'identity') return this.body.toString()
    if (encoding !== 'gzip') return null
    return decodeGzip(this.body, { maxOutputLength: mostDecodedBytes }).then(String, () => null)
  }
}

/** Whether an answer may be Mattermost's error of a credential, by its head. */
export function mayNameDeadToken(status: number, headers: readonly Buffer[]): boolean {
  return status === 401 && headerValue(headers, 'content-type')?.startsWith('application/json') === true
}

function headerValue(headers: readonly Buffer[], lowerName: string): string | null {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]?.toString('latin1').toLowerCase() === lowerName) {
      return headers[at + 1]?.toString('latin1').toLowerCase() ?? null
    }
  }
  return null
}

function errorId(text: string): unknown {
  try {
    const error: unknown = JSON.parse(text)
    return typeof error === 'object' && error !== null && 'id' in error ? error.id : null
  } catch {
    return null
  }
}
