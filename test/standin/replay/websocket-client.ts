import { createHash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { parseResponse, type Received } from './compare.js'

export interface ReceivedFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** A websocket client that shows the bare handshake and the bare frames. */
export class WebsocketClient {
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #wake = () => {}
  /** The server ended the connection. */
  ended = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.ended = true
      this.#wake()
    })
  }

  /** @param headers replace those of a plain handshake; null leaves one out */
  static async open(url: string, path: string, headers: Readonly<Record<string, string | null>>) {
    const { hostname, port, host } = new URL(url)
    const socket = connect(Number(port), hostname)
    const client = new WebsocketClient(socket)
    const key = randomBytes(16).toString('base64')
    const all: Record<string, string | null> = {
      Host: host,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
      ...headers,
    }
    const lines = Object.entries(all).filter(([, value]) => value !== null)
    const head = lines.map(([name, value]) => `${name}: ${value ?? ''}`)
    socket.write(`${[`GET ${path} HTTP/1.1`, ...head].join('\r\n')}\r\n\r\n`)
    const answer = await client.#readAnswer()
    const accept = createHash('sha1').update(
      `${all['Sec-WebSocket-Key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
    )
    const isRight = answer.headers['sec-websocket-accept'] === accept.digest('base64')
    return { client, answer, isRight }
  }

  send(opcode: number, payload: Buffer): void {
    const mask = randomBytes(4)
    const length = payload.length < 126 ? Buffer.from([0x80 | payload.length]) : Buffer.from([0xfe, 0, 0])
    if (payload.length >= 126) length.writeUInt16BE(payload.length, 1)
    const masked = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0))
    this.#socket.write(Buffer.concat([Buffer.from([0x80 | opcode]), length, mask, masked]))
  }

  /** The next frame; null: the connection ended, or nothing came in that time. */
  async next(withinMs: number): Promise<ReceivedFrame | null> {
    const until = performance.now() + withinMs
    for (;;) {
      const frame = this.#takeFrame()
      const left = until - performance.now()
      if (frame !== null || this.ended || left <= 0) return frame
      await this.#more(left)
    }
  }

  hangUp(): void {
    this.#socket.destroy()
  }

  async #readAnswer(): Promise<Received> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      const isUpgraded = this.#bytes.toString('latin1', 0, 12) === 'HTTP/1.1 101'
      if (end !== -1 && isUpgraded) {
        const head = this.#bytes.toString('utf8', 0, end + 4)
        this.#bytes = this.#bytes.subarray(end + 4)
        return parseResponse(head)
      }
      const whole = this.#bytes.toString('utf8')
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(whole)?.[1] ?? Number.NaN)
      if (this.ended || (end !== -1 && this.#bytes.length >= end + 4 + length)) return parseResponse(whole)
      await this.#more(5000)
    }
  }

  #takeFrame(): ReceivedFrame | null {
    const [first = 0, second = 0] = this.#bytes
    if (this.#bytes.length < 2) return null
    const lengthBytes = second === 126 ? 2 : second === 127 ? 8 : 0
    const at = 2 + lengthBytes
    if (this.#bytes.length < at) return null
    const length =
      lengthBytes === 0
        ? second
        : lengthBytes === 2
          ? this.#bytes.readUInt16BE(2)
          : Number(this.#bytes.readBigUInt64BE(2))
    if (this.#bytes.length < at + length) return null
    const payload = Buffer.from(this.#bytes.subarray(at, at + length))
    this.#bytes = this.#bytes.subarray(at + length)
    return { opcode: first & 0x0f, payload }
  }

  #more(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
