import type { MendedOutput } from './multiline-output.js'

/**
 * nginx's `$ssl_client_cert` as it was recorded from nginx 1.22.1: the PEM with LF TAB for each line feed
 * but the last, which is left out. What goes out equals its `$ssl_client_escaped_cert`, which ends in `%0A`.
 */
const opening = '-----BEGIN CERTIFICATE-----\n\t'
/** The escaped form has the same bytes up to here. */
const common = '-----BEGIN'.length
const escapedOpening = '%20CERTIFICATE-----%0A'
const closing = '-----END CERTIFICATE-----'
const escapedClosing = '-----END%20CERTIFICATE-----%0A'

const [tab, lineFeed, carriageReturn, dash] = [0x09, 0x0a, 0x0d, 0x2d]

const [foreign, plain, escaped] = [0, 1, 2]
/** How nginx writes each base64 character in `$ssl_client_escaped_cert`. */
const base64 = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  if (/[A-Za-z0-9]/.test(character)) return plain
  return /[+/=]/.test(character) ? escaped : foreign
})

/**
 * `deciding`: it may still be another form than PEM over several lines, and nothing was changed.
 * `other`: it is, and passes as it came. `ended`: CR is next, everything was mended. `broken`: it began
 * as PEM over several lines and does not go on as one.
 */
export type CertificateState = 'deciding' | 'mending' | 'other' | 'ended' | 'broken'

/** The value of the certificate header, from its first byte on. */
export class CertificateValue {
  state: CertificateState = 'deciding'
  #matched = 0
  /** Where in this chunk the bytes begin that are held back. */
  #heldFrom = 0
  /** Some of them came with an earlier chunk and did not go out. */
  #heldOver = false
  #column = 0
  #afterLineFeed = false

  begin(): void {
    this.state = 'deciding'
    this.#matched = 0
    this.#heldOver = false
    this.#column = 0
    this.#afterLineFeed = false
  }

  /** @returns where it stopped: the chunk's end, or the first byte that was not taken. */
  read(chunk: Buffer, start: number, output: MendedOutput): number {
    const at = this.state === 'deciding' ? this.#decide(chunk, start, output) : start
    return this.state === 'mending' ? this.#mend(chunk, at, output) : at
  }

  #decide(chunk: Buffer, start: number, output: MendedOutput): number {
    this.#heldFrom = start + Math.max(0, common - this.#matched)
    let at = start
    while (at < chunk.length && chunk[at] === opening.charCodeAt(this.#matched)) {
      at += 1
      this.#matched += 1
      if (this.#matched < opening.length) continue
      output.leaveOut(this.#heldFrom, at)
      output.putText(escapedOpening)
      this.#matched = 0
      this.state = 'mending'
      return at
    }
    const held = this.#matched > common
    if (at === chunk.length) {
      if (held) output.leaveOut(this.#heldFrom, at)
      this.#heldOver = held
      return at
    }
    if (this.#heldOver) {
      output.leaveOut(this.#heldFrom, at)
      output.putText(opening.slice(common, this.#matched))
    }
    // A line feed here is no form of nginx's; the value's own rules refuse it.
    this.state = 'other'
    return at
  }

  #mend(chunk: Buffer, start: number, output: MendedOutput): number {
    let at = start
    while (at < chunk.length && this.state === 'mending') {
      if (!this.#take(chunk[at] ?? 0, output)) break
      at += 1
    }
    // Everything before `start` went out already: a value's begin does not share a chunk's untouched rest.
    output.leaveOut(start, at)
    return at
  }

  /** @returns whether the byte belongs to the value. */
  #take(byte: number, output: MendedOutput): boolean {
    if (this.#afterLineFeed) return this.#takeTab(byte)
    const kind = base64[byte]
    if (this.#matched === 0 && kind !== foreign) {
      this.#column += 1
      if (kind === plain) output.put(byte)
      else output.putEscaped(byte)
      return true
    }
    if (this.#matched === 0 && byte === lineFeed && this.#column > 0) {
      this.#afterLineFeed = true
      output.putText('%0A')
      return true
    }
    return this.#takeClosing(byte, output)
  }

  #takeTab(byte: number): boolean {
    this.#afterLineFeed = false
    this.#column = 0
    if (byte !== tab) this.state = 'broken'
    return byte === tab
  }

  #takeClosing(byte: number, output: MendedOutput): boolean {
    if (this.#matched === closing.length && byte === carriageReturn) {
      output.putText(escapedClosing)
      this.state = 'ended'
      return false
    }
    const begins = this.#matched > 0 || (byte === dash && this.#column === 0)
    if (begins && byte === closing.charCodeAt(this.#matched)) {
      this.#matched += 1
      return true
    }
    this.state = 'broken'
    return false
  }
}
