import { type ByteSet, blank, endOfRun, fieldValue, target, token } from './multiline-bytes.js'
import { CertificateValue } from './multiline-certificate.js'
import {
  type Body,
  type FramingName,
  framingName,
  HeadFraming,
  type MenderLoss,
} from './multiline-framing.js'
import type { MendedOutput } from './multiline-output.js'

/** What the next byte belongs to. */
type Phase =
  | 'start'
  | 'method'
  | 'target'
  | 'version'
  | 'line_start'
  | 'name'
  | 'blanks'
  | 'value'
  | 'certificate'
  | 'line_feed'

const [carriageReturn, lineFeed, space, tab, colon] = [0x0d, 0x0a, 0x20, 0x09, 0x3a]
const versions = ['HTTP/1.1', 'HTTP/1.0']
const none: Body = { kind: 'length', bytes: 0 }

/**
 * A header block: request line and headers, or the trailers of a chunked body, up to the empty line.
 * Each check is made before the byte goes out that would end the line it is about.
 */
export class HeaderBlock {
  /** The empty line was read. */
  done = false
  loss: MenderLoss | null = null
  readonly #certificateName: string
  readonly #maxBytes: number
  readonly #certificate = new CertificateValue()
  #phase: Phase = 'start'
  #afterLineFeed: 'start' | 'line_start' | 'end' = 'start'
  #trailers = false
  #method = ''
  #framing = new HeadFraming()
  /** What follows the block, once it is done. */
  #body: Body = none
  /** Bytes that went out before this chunk. */
  #bytes = 0
  /** The method, version, name or value that is being collected. */
  #text = ''
  #framingName: FramingName | null = null
  #certificateSeen = false
  /** The header that is being read is the one to mend. */
  #isCertificate = false

  constructor(certificateName: string, maxBytes: number) {
    this.#certificateName = certificateName
    this.#maxBytes = maxBytes
  }

  /** What follows the block that is done; it is ready for the next request then. */
  takeBody(): Body {
    this.beginRequest()
    return this.#body
  }

  beginRequest(): void {
    this.#begin('start')
    this.#trailers = false
    this.#certificateSeen = false
    this.#framing = new HeadFraming()
  }

  beginTrailers(): void {
    this.#begin('line_start')
    this.#trailers = true
  }

  /** @returns where it stopped: behind the block, at the byte where it was lost, or at the chunk's end. */
  read(chunk: Buffer, start: number, output: MendedOutput): number {
    const before = this.#bytes - output.lengthAt(start)
    let at = start
    while (at < chunk.length && !this.done && this.loss === null) {
      at = this.#step(chunk, at, output)
      // Not between CR and LF: there the parser would complain of something else.
      const whole = this.#phase !== 'line_feed'
      if (whole && before + output.lengthAt(at) > this.#maxBytes) this.loss ??= 'header_too_large'
    }
    this.#bytes = before + output.lengthAt(at)
    return at
  }

  #begin(phase: Phase): void {
    this.#phase = phase
    this.#bytes = 0
    this.#text = ''
    this.done = false
  }

  #step(chunk: Buffer, at: number, output: MendedOutput): number {
    switch (this.#phase) {
      case 'start':
        return this.#readStart(chunk[at], at)
      case 'method':
        return this.#readMethod(chunk, at)
      case 'target':
        return this.#readTarget(chunk, at)
      case 'version':
        return this.#readVersion(chunk, at)
      case 'line_start':
        return this.#readLineStart(chunk[at], at)
      case 'name':
        return this.#readName(chunk, at)
      case 'blanks':
        return this.#readBlanks(chunk, at)
      case 'value':
        return this.#readValue(chunk, at)
      case 'certificate':
        return this.#readCertificate(chunk, at, output)
      case 'line_feed':
        return this.#readLineFeed(chunk[at], at)
    }
  }

  #lose(loss: MenderLoss, at: number): number {
    this.loss = loss
    return at
  }

  #goOn(phase: Phase, at: number): number {
    this.#phase = phase
    this.#text = ''
    return at
  }

  #endLine(after: 'start' | 'line_start' | 'end', at: number): number {
    this.#afterLineFeed = after
    return this.#goOn('line_feed', at + 1)
  }

  #readLineFeed(byte: number | undefined, at: number): number {
    if (byte !== lineFeed) return this.#lose('header_line', at)
    if (this.#afterLineFeed === 'end') this.done = true
    else this.#phase = this.#afterLineFeed
    return at + 1
  }

  /** Empty lines before a request line are skipped, as the parser does (RFC 9112 §2.2). */
  #readStart(byte: number | undefined, at: number): number {
    return byte === carriageReturn ? this.#endLine('start', at) : this.#goOn('method', at)
  }

  #readMethod(chunk: Buffer, start: number): number {
    const at = this.#collect(chunk, start, token)
    if (at === chunk.length) return at
    if (chunk[at] !== space || this.#text === '') return this.#lose('request_line', at)
    this.#method = this.#text
    return this.#goOn('target', at + 1)
  }

  #readTarget(chunk: Buffer, start: number): number {
    const at = endOfRun(chunk, start, target)
    if (at === chunk.length) return at
    return chunk[at] === space ? this.#goOn('version', at + 1) : this.#lose('request_line', at)
  }

  #readVersion(chunk: Buffer, start: number): number {
    const at = this.#collect(chunk, start, target)
    if (at === chunk.length) return at
    if (chunk[at] !== carriageReturn || !versions.includes(this.#text)) return this.#lose('request_line', at)
    return this.#endLine('line_start', at)
  }

  #readLineStart(byte: number | undefined, at: number): number {
    if (byte === space || byte === tab) return this.#lose('header_folded', at)
    return byte === carriageReturn ? this.#endBlock(at) : this.#goOn('name', at)
  }

  #endBlock(at: number): number {
    const body = this.#trailers ? none : this.#framing.body(this.#method)
    if (typeof body === 'string') return this.#lose(body, at)
    this.#body = body
    return this.#endLine('end', at)
  }

  #readName(chunk: Buffer, start: number): number {
    const at = this.#collect(chunk, start, token)
    if (at === chunk.length) return at
    if (chunk[at] !== colon || this.#text === '') return this.#lose('header_line', at)
    const name = this.#text.toLowerCase()
    this.#framingName = framingName(name)
    this.#isCertificate = name === this.#certificateName
    if (this.#trailers && (this.#isCertificate || this.#framingName !== null))
      return this.#lose('trailer', at)
    if (this.#isCertificate && this.#certificateSeen) return this.#lose('certificate_duplicated', at)
    if (this.#isCertificate) this.#certificateSeen = true
    return this.#goOn('blanks', at + 1)
  }

  #readBlanks(chunk: Buffer, start: number): number {
    const at = endOfRun(chunk, start, blank)
    if (at === chunk.length) return at
    if (!this.#isCertificate) return this.#goOn('value', at)
    this.#certificate.begin()
    return this.#goOn('certificate', at)
  }

  #readCertificate(chunk: Buffer, start: number, output: MendedOutput): number {
    const at = this.#certificate.read(chunk, start, output)
    switch (this.#certificate.state) {
      case 'deciding':
      case 'mending':
        return at
      case 'other':
        return this.#goOn('value', at)
      case 'ended':
        return this.#endLine('line_start', at)
      case 'broken':
        return this.#lose('certificate_form', at)
    }
  }

  #readValue(chunk: Buffer, start: number): number {
    const name = this.#framingName
    const at = name === null ? endOfRun(chunk, start, fieldValue) : this.#collect(chunk, start, fieldValue)
    if (at === chunk.length) return at
    if (chunk[at] !== carriageReturn) return this.#lose('header_line', at)
    const loss = name === null ? null : this.#framing.add(name, this.#text)
    return loss === null ? this.#endLine('line_start', at) : this.#lose(loss, at)
  }

  /** Adds to the text what is in the set; the block's bound is the text's too. */
  #collect(chunk: Buffer, start: number, set: ByteSet): number {
    const at = endOfRun(chunk, start, set)
    this.#text += chunk.toString('latin1', start, at)
    return at
  }
}
