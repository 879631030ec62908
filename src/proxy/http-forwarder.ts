import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.js'
import type { Allowed } from '../gate/decision.js'
import type { HeaderHygiene } from './header-hygiene.js'
import { ClientConnections } from './http-client-connections.js'
import {
  type ExchangeParts,
  type ForwardOutcome,
  HttpExchange,
  type Refuse,
  type UpstreamWatch,
} from './http-exchange.js'
import { StalledClients } from './http-stalled-clients.js'
import { mostConnections, type UpstreamPool } from './upstream-pool.js'
import { type SlotBounds, UpstreamSlots } from './upstream-slots.js'

export interface HttpForwarderOptions {
  /** The forwarder owns it from now on, and closes it. */
  readonly pool: UpstreamPool
  readonly hygiene: HeaderHygiene
  /** The largest body of a request, in bytes. */
  readonly bodyBytes: number
  /** A client that neither sends nor reads on is cut off after one to two of these. */
  readonly clientIdleMs: number
  readonly refuse: Refuse
  /** A dependency failed, or the bug is ours; the client is answered by `refuse`. */
  readonly fault: (error: unknown, allowed: Allowed) => void
  readonly watch: UpstreamWatch
  /** Other bounds than the usual ones. */
  readonly slots?: Partial<SlotBounds>
  readonly clock: Clock
  /** For a line in the log for each request; null: none. */
  readonly onFinish: ((allowed: Allowed, outcome: ForwardOutcome, durationMs: number) => void) | null
}

/** A quarter for one person: more than a browser asks for at once through one connection of HTTP/2. */
const slotBounds: SlotBounds = {
  most: mostConnections,
  mostForOne: mostConnections / 4,
  mostWaiting: 1_024,
  waitMs: 5_000,
}

/** Sends allowed requests to Mattermost and their answers back, streamed, none of them twice. */
export class HttpForwarder {
  readonly #options: HttpForwarderOptions
  readonly #parts: ExchangeParts
  readonly #stalled: StalledClients
  readonly #slots: UpstreamSlots

  constructor(options: HttpForwarderOptions) {
    const { pool, hygiene, bodyBytes, clientIdleMs, refuse, fault, watch } = options
    this.#options = options
    this.#stalled = new StalledClients(clientIdleMs)
    this.#slots = new UpstreamSlots({ ...slotBounds, ...options.slots })
    this.#parts = {
      ...{ pool, hygiene, bodyBytes, refuse, fault, watch },
      clients: new ClientConnections(),
      stalled: this.#stalled,
      slots: this.#slots,
      finished: null,
    }
  }

  forward(request: IncomingMessage, response: ServerResponse, allowed: Allowed): void {
    new HttpExchange(this.#partsFor(allowed), request, response, allowed).start()
  }

  /** Ends the connections to Mattermost; drain before. */
  close(): Promise<void> {
    this.#stalled.close()
    this.#slots.close()
    return this.#options.pool.close()
  }

  #partsFor(allowed: Allowed): ExchangeParts {
    const { onFinish, clock } = this.#options
    if (onFinish === null) return this.#parts
    const startedAt = clock.now()
    return {
      ...this.#parts,
      finished: (outcome) => onFinish(allowed, outcome, clock.now() - startedAt),
    }
  }
}
