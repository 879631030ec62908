import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { BodyTooLarge } from './http-upstream-error.js'

/** How long a client that was answered early may go on sending before its connection is cut. */
const drainMs = 5_000

/** The declared length of a request's body: null where it is chunked, 0 where there is none. */
export function declaredLength(request: IncomingMessage): number | null {
  if (request.headers['transfer-encoding'] !== undefined) return null
  return Number(request.headers['content-length'] ?? 0)
}

/**
 * A client's body on its way up, counted. It stands between undici and Node's own stream because undici
 * destroys what it was given, and the client's connection must live on for the answer.
 */
export class RequestBody extends Readable {
  readonly #source: IncomingMessage
  readonly #mostBytes: number
  #bytes = 0

  /** Ends in an error, {@link BodyTooLarge}, after `mostBytes`. */
  constructor(source: IncomingMessage, mostBytes: number) {
    super({ highWaterMark: source.readableHighWaterMark })
    this.#source = source
    this.#mostBytes = mostBytes
    // Once undici has let go of it, a client that breaks off concerns nobody.
    this.on('error', () => undefined)
    source.on('data', this.#take)
    source.on('end', this.#end)
    source.on('error', this.#fail)
    source.pause()
  }

  /** Bytes that came so far; null while it is not the client that is waited for. */
  get progress(): number | null {
    return this.#source.complete || this.#source.isPaused() ? null : this.#bytes
  }

  override _read(): void {
    this.#source.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.off('data', this.#take)
    this.#source.off('end', this.#end)
    this.#source.resume()
    callback(error)
  }

  readonly #take = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#mostBytes) this.destroy(new BodyTooLarge())
    else if (!this.push(chunk)) this.#source.pause()
  }

  readonly #end = (): void => {
    this.push(null)
  }

  /** The listener stays: Node throws where nobody hears a broken request. */
  readonly #fail = (error: Error): void => {
    this.destroy(error)
  }
}

/** Drops what is still coming in, for a while, so that the client reads its answer and meets no reset. */
export function drainRequest(request: IncomingMessage): void {
  request.resume()
  if (request.complete) return
  const { socket } = request
  const timer = setTimeout(() => socket.destroy(), drainMs).unref()
  request.once('close', () => clearTimeout(timer))
}
