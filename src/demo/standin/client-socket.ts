import type { Duplex } from 'node:stream'
import { messageOf } from './error-messages.js'
import { FrameSocket } from './frame-socket.js'
import { type Frame, opcodes } from './frames.js'
import { newId } from './ids.js'
import type { Session } from './sessions.js'
import type { World } from './world.js'

const maxMessageBytes = 8192

/** One client of `/api/v4/websocket`: rules 62, 63 and 66 to 69. */
export class ClientSocket {
  /** Who it was signed in as, at the upgrade or by challenge; null: not yet. It stays after its token ended. */
  session: Session | null = null
  readonly path: string
  readonly #world: World
  readonly #frames: FrameSocket
  readonly #challengeTimer: NodeJS.Timeout
  readonly #pingTimer: NodeJS.Timeout
  #lastPongAt: number
  #sequence = 0
  /** What has come of a message in fragments. */
  #message = Buffer.alloc(0)

  constructor(stream: Duplex, head: Buffer, session: Session | null, path: string, world: World) {
    this.#world = world
    this.path = path
    this.#lastPongAt = world.clock.now()
    this.#frames = new FrameSocket(stream, maxMessageBytes, {
      onFrame: (frame) => this.#take(frame),
      onTooLarge: () => this.#refuseLong(),
      onEnd: () => this.#ended(),
    })
    world.sockets.add(this)
    this.#challengeTimer = setTimeout(() => this.#checkYouth(), world.timing.challengeTimeoutMs)
    this.#pingTimer = setInterval(() => this.#ping(), world.timing.pingIntervalMs)
    if (session !== null) this.#signIn(session)
    this.#frames.start(head)
  }

  get username(): string | null {
    return this.#world.accounts.byId(this.session?.userId ?? '')?.username ?? null
  }

  /** Sends an event, unless the socket is not signed in (any more): it is silent then (rule 68). */
  sendEvent(event: string, data: object, channelId = ''): void {
    if (!this.#isSignedIn()) return
    const broadcast = {
      omit_users: null,
      user_id: channelId === '' ? (this.session?.userId ?? '') : '',
      channel_id: channelId,
      team_id: '',
      ...(this.#world.traits.namesConnections ? { connection_id: '', omit_connection_id: '' } : {}),
    }
    this.#frames.sendText(JSON.stringify({ event, data, broadcast, seq: this.#sequence }))
    this.#sequence += 1
  }

  drop(): void {
    this.#frames.drop()
  }

  #isSignedIn(): boolean {
    return this.session !== null && this.#world.sessionOf(this.session.token) !== null
  }

  #signIn(session: Session): void {
    this.session = session
    const version = { server_version: this.#world.versionId }
    const named = { connection_id: newId(), server_hostname: 'standin', ...version }
    this.sendEvent('hello', this.#world.traits.namesConnections ? named : { connection_id: '', ...version })
  }

  #checkYouth(): void {
    const silent = this.#world.traits.dropsSilentYoungSockets && !this.#isSignedIn()
    if (this.session === null || silent) this.drop()
  }

  #ping(): void {
    if (this.#world.clock.now() - this.#lastPongAt > this.#world.timing.pongTimeoutMs) this.drop()
    else this.#frames.send(opcodes.ping, Buffer.alloc(0))
  }

  #ended(): void {
    clearTimeout(this.#challengeTimer)
    clearInterval(this.#pingTimer)
    this.#world.sockets.delete(this)
  }

  #take(frame: Frame): void {
    if (frame.opcode === opcodes.pong) this.#lastPongAt = this.#world.clock.now()
    if (frame.opcode !== opcodes.text && frame.opcode !== opcodes.continuation) return
    this.#message = Buffer.concat([this.#message, frame.payload])
    if (this.#message.length > maxMessageBytes) this.#refuseLong()
    else if (frame.fin) this.#read(this.#message)
  }

  #refuseLong(): void {
    if (this.#world.traits.closesLongFrames) this.#frames.close(1009)
    else this.drop()
  }

  #read(message: Buffer): void {
    this.#message = Buffer.alloc(0)
    const request = readRequest(message)
    if (request === null) this.drop()
    else if (request.action === 'authentication_challenge') this.#challenge(request)
    else if (this.session !== null) this.#answer(request)
  }

  #challenge({ seq, data }: SocketRequest): void {
    if (this.session !== null) return
    const token = data['token']
    const session = typeof token === 'string' ? this.#world.sessionOf(token) : null
    if (session === null) {
      this.drop()
      return
    }
    this.#signIn(session)
    this.#reply({ status: 'OK', seq_reply: seq })
  }

  #answer({ seq, action }: SocketRequest): void {
    if (seq < 1) this.#fail(null, 400, 'bad_seq')
    else if (!this.#isSignedIn()) this.#fail(seq, 401, 'not_authenticated')
    else if (action === 'ping') this.#reply({ status: 'OK', seq_reply: seq, data: this.#pong() })
    else if (action === 'user_typing') this.#reply({ status: 'OK', seq_reply: seq })
    else if (action === 'get_statuses' || action === 'get_statuses_by_ids') {
      this.#reply({ status: 'OK', seq_reply: seq, data: { [this.session?.userId ?? '']: 'online' } })
    } else this.#fail(seq, 500, 'bad_action')
  }

  #pong(): object {
    const { clock, traits } = this.#world
    return { node_id: '', server_time: clock.now(), text: 'pong', version: traits.version }
  }

  #fail(seq: number | null, status: number, word: string): void {
    const id = `api.web_socket_router.${word}.app_error`
    const error = { id, message: messageOf(id), detailed_error: '', status_code: status }
    this.#reply({ status: 'FAIL', ...(seq === null ? {} : { seq_reply: seq }), error })
  }

  #reply(value: object): void {
    this.#frames.sendText(JSON.stringify(value))
  }
}

interface SocketRequest {
  readonly seq: number
  readonly action: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Null: the text is no JSON object, which ends the connection. */
function readRequest(payload: Buffer): SocketRequest | null {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'))
    if (typeof value !== 'object' || value === null) return null
    const { seq, action, data } = value as Record<string, unknown>
    return {
      seq: typeof seq === 'number' ? seq : 0,
      action: typeof action === 'string' ? action : '',
      data: typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {},
    }
  } catch {
    return null
  }
}
