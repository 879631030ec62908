import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LoggedRequest } from './request-log.js'

/** A request's body, read when somebody wants it: only then is `100 Continue` sent (rule 9). */
export class RequestBody {
  readonly #request: IncomingMessage
  readonly #log: LoggedRequest
  readonly #beforeReading: () => void
  #read: Promise<Buffer> | undefined

  constructor(request: IncomingMessage, log: LoggedRequest, continueTo: ServerResponse | null) {
    this.#request = request
    this.#log = log
    this.#beforeReading = () => continueTo?.writeContinue()
  }

  read(): Promise<Buffer> {
    this.#read ??= this.#collect()
    return this.#read
  }

  /** Takes what nobody wanted off the connection, so that the next request can come. */
  discard(): void {
    if (this.#read !== undefined) return
    this.#request.on('data', (chunk: Buffer) => this.#count(chunk))
  }

  async #collect(): Promise<Buffer> {
    this.#beforeReading()
    const chunks: Buffer[] = []
    for await (const chunk of this.#request) {
      if (!Buffer.isBuffer(chunk)) continue
      this.#count(chunk)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  #count(chunk: Buffer): void {
    this.#log.bodyBytes += chunk.length
  }
}
