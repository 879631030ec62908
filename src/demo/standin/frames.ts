/** Opcodes of RFC 6455 section 5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface Frame {
  readonly fin: boolean
  readonly opcode: number
  readonly payload: Buffer
}

/** One unmasked frame, as a server sends it. */
export function encodeFrame(opcode: number, payload: Buffer, fin = true): Buffer {
  const first = (fin ? 0x80 : 0) | opcode
  const { length } = payload
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload])
  if (length < 65_536) {
    const head = Buffer.from([first, 126, 0, 0])
    head.writeUInt16BE(length, 2)
    return Buffer.concat([head, payload])
  }
  const head = Buffer.alloc(10)
  head[0] = first
  head[1] = 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

export function encodeClose(code: number): Buffer {
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  return encodeFrame(opcodes.close, payload)
}

/** Cuts a client's bytes into frames. */
export class FrameReader {
  readonly #maxPayloadBytes: number
  #chunks: Buffer[] = []
  #length = 0
  #needed = 2

  constructor(maxPayloadBytes: number) {
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /** The frames that are whole by now; the word for what ends the connection, if it must end. */
  push(chunk: Buffer): { frames: Frame[]; broken: 'too-large' | 'protocol-error' | null } {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const frames: Frame[] = []
    while (this.#length >= this.#needed) {
      const buffer = Buffer.concat(this.#chunks)
      const head = readHead(buffer)
      if (head === 'protocol-error') return { frames, broken: head }
      if (head !== null && head.payloadLength > this.#maxPayloadBytes) return { frames, broken: 'too-large' }
      const end = head === null ? buffer.length + 1 : head.length + head.payloadLength
      const whole = head !== null && buffer.length >= end
      this.#keep(whole ? buffer.subarray(end) : buffer)
      this.#needed = whole ? 2 : end
      if (!whole) break
      frames.push({
        fin: head.fin,
        opcode: head.opcode,
        payload: unmask(buffer.subarray(head.length, end), head.mask),
      })
    }
    return { frames, broken: null }
  }

  #keep(rest: Buffer): void {
    this.#chunks = [rest]
    this.#length = rest.length
  }
}

interface Head {
  readonly fin: boolean
  readonly opcode: number
  readonly length: number
  readonly payloadLength: number
  readonly mask: Buffer
}

/** Null: more bytes are needed. Clients must mask (RFC 6455 section 5.1). */
function readHead(buffer: Buffer): Head | null | 'protocol-error' {
  if (buffer.length < 2) return null
  const [first = 0, second = 0] = buffer
  if ((first & 0x70) !== 0 || (second & 0x80) === 0) return 'protocol-error'
  const short = second & 0x7f
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
  const maskAt = 2 + lengthBytes
  if (buffer.length < maskAt + 4) return null
  const payloadLength =
    lengthBytes === 0 ? short : lengthBytes === 2 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2))
  const mask = Buffer.from(buffer.subarray(maskAt, maskAt + 4))
  return { fin: (first & 0x80) !== 0, opcode: first & 0x0f, length: maskAt + 4, payloadLength, mask }
}

function unmask(bytes: Buffer, mask: Buffer): Buffer {
  const plain = Buffer.from(bytes)
  for (let at = 0; at < plain.length; at += 1) plain[at] = (plain[at] ?? 0) ^ (mask[at % 4] ?? 0)
  return plain
}
