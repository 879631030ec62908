import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.js'
import type { Refusal } from '../core/refusals.js'
import type { Allowed, Decision, Refused } from '../gate/decision.js'
import type { Answer } from '../pages/refusal-answer.js'
import type { HeaderHygiene } from './header-hygiene.js'
import { withoutNames } from './header-names.js'
import { type BridgeParts, WebsocketBridge } from './websocket-bridge.js'
import { closeFrames } from './websocket-close-frame.js'
import type { AnswerTracker } from './websocket-pipelining.js'
import { type Agreed, type UpgradeParts, WebsocketUpgrade } from './websocket-upgrade.js'
import { WebsocketUpstream } from './websocket-upstream.js'

export interface WebsocketForwarderOptions {
  /** Mattermost's origin, http or https; a certificate behind https is verified. */
  readonly upstream: string
  readonly hygiene: HeaderHygiene
  /** Of the server whose upgrades these are. */
  readonly answers: AnswerTracker
  readonly admit: (request: IncomingMessage) => Promise<Decision>
  /** Audits a refusal of ours. `allowed` is null where nothing was decided yet. */
  readonly refuse: (request: IncomingMessage, refusal: Refusal, allowed: Allowed | null) => Promise<Refused>
  readonly answer: (refused: Refused) => Answer
  readonly connectTimeoutMs: number
  readonly answerTimeoutMs: number
  /** Without a byte either way. */
  readonly idleTimeoutMs: number
  /** Those being asked for included. */
  readonly mostWebsockets: number
  /** The 101 was written to the client; what it sent meanwhile may come as 'data' from now on. */
  readonly switched: (socket: Socket) => void
  readonly opened: ((allowed: Allowed) => void) | null
  readonly ended: (allowed: Allowed, end: WebsocketEnd) => void
  /** A dependency failed, or the bug is ours; the client was told what it has to know. */
  readonly fault: (error: unknown) => void
  readonly clock: Clock
}

export interface WebsocketEnd {
  /** Of the first close frame, ours or theirs; 1005 without a code, 1006 without a close frame. */
  readonly code: number
  readonly durationMs: number
  /** From the client and to the client, frame heads included. */
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface OpenWebsocket {
  readonly allowed: Allowed
  readonly openedAtMs: number
  readonly bytesIn: number
  readonly bytesOut: number
}

const longestSweepMs = 1_000
const lingerMs = 10_000
const keepAliveProbeMs = 30_000

/** Lets websockets through to Mattermost, byte for byte, and ends them when the gateway must. */
export class WebsocketForwarder {
  readonly #options: WebsocketForwarderOptions
  readonly #upstream: WebsocketUpstream
  readonly #upgradeParts: UpgradeParts
  readonly #bridgeParts: BridgeParts
  readonly #upgrades = new Set<WebsocketUpgrade>()
  readonly #bridges = new Set<WebsocketBridge>()
  readonly #sweeper: NodeJS.Timeout
  #reserved = 0
  #whenGone: (() => void)[] = []

  constructor(options: WebsocketForwarderOptions) {
    const { upstream: origin, hygiene, connectTimeoutMs, answerTimeoutMs, idleTimeoutMs } = options
    this.#options = options
    this.#upstream = new WebsocketUpstream({ origin, hygiene, connectTimeoutMs, answerTimeoutMs })
    this.#upgradeParts = this.#partsOfUpgrades()
    const sweepMs = Math.min(longestSweepMs, Math.ceil(idleTimeoutMs / 4))
    this.#bridgeParts = {
      idleSweeps: Math.ceil(idleTimeoutMs / sweepMs),
      lingerSweeps: Math.ceil(lingerMs / sweepMs),
      ended: (bridge) => this.#ended(bridge),
    }
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref()
  }

  /** The listener of the server's `upgrade`. Never throws, and answers whatever comes. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Node has taken its own listener away, and the next error would be nobody's.
    socket.on('error', destroyed)
    if (socket.destroyed) return
    const upgrade = new WebsocketUpgrade(this.#upgradeParts, request, head)
    this.#upgrades.add(upgrade)
    if (this.#stopping) upgrade.stop()
    void upgrade.run()
  }

  /**
   * Ends websockets with a close frame on both sides; one that is only being asked for ends when it
   * opens. Returns how many.
   *
   * @throws RangeError for a code or a reason that no close frame can carry
   */
  endWhere(predicate: (allowed: Allowed) => boolean, code: number, reason: string): number {
    const frames = closeFrames(code, reason)
    let ended = 0
    for (const bridge of this.#bridges) {
      if (predicate(bridge.allowed) && bridge.close(frames)) ended += 1
    }
    for (const upgrade of this.#upgrades) {
      if (upgrade.allowed === null || !predicate(upgrade.allowed)) continue
      upgrade.endWith(frames)
      ended += 1
    }
    return ended
  }

  open(): Iterable<OpenWebsocket> {
    return this.#bridges
  }

  /** Ends all, accepts no more, and resolves when every connection is gone. */
  close(code: number, reason: string): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#whenGone.push(resolve))
    this.endWhere(() => true, code, reason)
    for (const upgrade of this.#upgrades) upgrade.stop()
    this.#checkGone()
    return gone
  }

  get #stopping(): boolean {
    return this.#whenGone.length > 0
  }

  #partsOfUpgrades(): UpgradeParts {
    const { answers, answerTimeoutMs, admit, refuse, answer, fault, hygiene } = this.#options
    return {
      ...{ upstream: this.#upstream, answers, answerTimeoutMs, admit, refuse, answer, fault },
      answerHeaders: ({ rawHeaders, statusCode }, allowed) =>
        hygiene.answerHeaders(rawHeaders, allowed, statusCode ?? 0),
      reserve: () => this.#reserve(),
      agreed: (upgrade, agreed) => this.#agreed(upgrade, agreed),
      over: (upgrade) => {
        this.#upgrades.delete(upgrade)
        if (upgrade.reserved) this.#reserved -= 1
        this.#checkGone()
      },
    }
  }

  #reserve(): boolean {
    if (this.#reserved >= this.#options.mostWebsockets) return false
    this.#reserved += 1
    return true
  }

  #agreed(upgrade: WebsocketUpgrade, agreed: Agreed): void {
    const { clock, switched, opened } = this.#options
    const { allowed, client, upstream } = agreed
    for (const socket of [client, upstream]) {
      socket.setTimeout(0)
      socket.setNoDelay(true)
      socket.setKeepAlive(true, keepAliveProbeMs)
    }
    const bridge = new WebsocketBridge(this.#bridgeParts, allowed, clock.now(), client, upstream)
    this.#upgrades.delete(upgrade)
    this.#bridges.add(bridge)
    client.write(switchingHead(agreed.headers), 'latin1')
    bridge.start(agreed.early)
    this.#tell(() => opened?.(allowed))
    this.#tell(() => switched(client))
    if (agreed.endWith !== null) bridge.close(agreed.endWith)
  }

  #ended(bridge: WebsocketBridge): void {
    this.#bridges.delete(bridge)
    this.#reserved -= 1
    const { allowed, code, openedAtMs, bytesIn, bytesOut } = bridge
    const durationMs = this.#options.clock.now() - openedAtMs
    this.#tell(() => this.#options.ended(allowed, { code, durationMs, bytesIn, bytesOut }))
    this.#checkGone()
  }

  /** A failing listener must not take the process with it. */
  #tell(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.#options.fault(error)
    }
  }

  #sweep(): void {
    for (const bridge of this.#bridges) bridge.sweep()
  }

  #checkGone(): void {
    if (!this.#stopping || this.#upgrades.size > 0 || this.#bridges.size > 0) return
    clearInterval(this.#sweeper)
    this.#upstream.close()
    for (const resolve of this.#whenGone) resolve()
  }
}

const contentLength = new Set(['content-length'])

function switchingHead(headers: readonly string[]): string {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
  const passed = withoutNames(headers, contentLength)
  for (let at = 0; at < passed.length; at += 2) lines.push(`${passed[at] ?? ''}: ${passed[at + 1] ?? ''}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** 'close' follows, and is what is listened to. */
function destroyed(this: Duplex): void {
  this.destroy()
}
