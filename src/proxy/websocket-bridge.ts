import type { Socket } from 'node:net'
import type { Allowed } from '../gate/decision.js'
import type { CloseFrames } from './websocket-close-frame.js'
import { WebsocketFlow } from './websocket-flow.js'

/** The same for all bridges of a forwarder. */
export interface BridgeParts {
  /** How many sweeps without a byte either way end a websocket. */
  readonly idleSweeps: number
  /** How many sweeps the second side has to end after the first one did. */
  readonly lingerSweeps: number
  readonly ended: (bridge: WebsocketBridge) => void
}

/** What the sides sent before they were joined, in order. */
export interface EarlyBytes {
  readonly fromClient: readonly Buffer[]
  readonly fromUpstream: Buffer
}

/** interface.md, "Websocket ends". */
const destroyedAfterMs = 500
/** RFC 6455 §7.4.1: never sent, for what ended without a close frame. */
const abnormalClosure = 1_006
const protocolError = 1_002

/**
 * An open websocket: the client's connection and the one to Mattermost. Both must have an 'error'
 * listener; 'close' follows every error.
 */
export class WebsocketBridge {
  readonly allowed: Allowed
  readonly openedAtMs: number
  readonly #parts: BridgeParts
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #toUpstream: WebsocketFlow
  readonly #toClient: WebsocketFlow
  #code = 0
  #quietSweeps = 0
  #endingSweeps = 0
  #ending = false
  #socketsOpen = 2
  #timer: NodeJS.Timeout | null = null

  constructor(parts: BridgeParts, allowed: Allowed, openedAtMs: number, client: Socket, upstream: Socket) {
    this.#parts = parts
    this.allowed = allowed
    this.openedAtMs = openedAtMs
    this.#client = client
    this.#upstream = upstream
    this.#toUpstream = new WebsocketFlow(client, upstream)
    this.#toClient = new WebsocketFlow(upstream, client)
  }

  /** Bytes that the client sent, frame heads included. */
  get bytesIn(): number {
    return this.#toUpstream.bytes
  }

  get bytesOut(): number {
    return this.#toClient.bytes
  }

  /** Known once it has ended. */
  get code(): number {
    return this.#code === 0 ? abnormalClosure : this.#code
  }

  start(early: EarlyBytes): void {
    this.#join(this.#client, this.#upstream, this.#toUpstream)
    this.#join(this.#upstream, this.#client, this.#toClient)
    this.#client.resume()
    for (const chunk of early.fromClient) this.#take(this.#toUpstream, chunk)
    if (early.fromUpstream.length > 0) this.#take(this.#toClient, early.fromUpstream)
  }

  /** Ends it from here. False: that is under way already. */
  close(frames: CloseFrames): boolean {
    if (this.#timer !== null || this.#socketsOpen === 0) return false
    this.#timer = setTimeout(() => this.destroy(), destroyedAfterMs)
    this.#noteCode(frames.code)
    this.#toClient.close(frames.toClient)
    this.#toUpstream.close(frames.toUpstream)
    return true
  }

  destroy(): void {
    this.#client.destroy()
    this.#upstream.destroy()
  }

  sweep(): void {
    this.#quietSweeps += 1
    if (this.#ending) this.#endingSweeps += 1
    const { idleSweeps, lingerSweeps } = this.#parts
    if (this.#quietSweeps > idleSweeps || this.#endingSweeps > lingerSweeps) this.destroy()
  }

  #join(from: Socket, to: Socket, flow: WebsocketFlow): void {
    from.on('data', (chunk: Buffer) => this.#take(flow, chunk))
    from.on('end', () => this.#halfClosed(to))
    from.on('close', () => this.#closed(from, to))
    to.on('drain', () => flow.drained())
  }

  #take(flow: WebsocketFlow, chunk: Buffer): void {
    this.#quietSweeps = 0
    if (flow.take(chunk)) {
      if (flow.closeCode !== 0) this.#noteCode(flow.closeCode)
    } else {
      this.#noteCode(protocolError)
      this.destroy()
    }
  }

  #noteCode(code: number): void {
    if (this.#code === 0) this.#code = code
  }

  /** While our own close frames are on their way the sides do not wait for each other. */
  #halfClosed(other: Socket): void {
    if (this.#timer !== null) return
    this.#ending = true
    other.end()
  }

  #closed(socket: Socket, other: Socket): void {
    this.#socketsOpen -= 1
    if (this.#socketsOpen === 0) {
      if (this.#timer !== null) clearTimeout(this.#timer)
      this.#parts.ended(this)
    } else if (this.#timer === null && !socket.readableEnded) {
      other.destroy()
    }
  }
}
