/** Where the mender no longer knows what the parser will take for a header, or must not change it. */
export type MenderLoss =
  | 'request_line'
  | 'header_line'
  | 'header_folded'
  | 'header_too_large'
  | 'certificate_form'
  | 'certificate_duplicated'
  | 'content_length'
  | 'transfer_encoding'
  | 'upgrade'
  | 'trailer'
  | 'chunk'

export type Body =
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** Whatever follows is of another protocol, or was not asked for yet. */
  | { readonly kind: 'upgrade' }

/** Digits whose number is exact; and far more than any body. */
const decimal = /^[0-9]{1,15}$/

export type FramingName = 'content-length' | 'transfer-encoding' | 'connection' | 'upgrade'

export function framingName(name: string): FramingName | null {
  switch (name) {
    case 'content-length':
    case 'transfer-encoding':
    case 'connection':
    case 'upgrade':
      return name
    // Node's parser takes it for Connection (llhttp, `proxy-connection`).
    case 'proxy-connection':
      return 'connection'
  }
  return null
}

/**
 * What the headers of one request say about where it ends (RFC 9112 §6.3), in a form so narrow that
 * Node's strict parser either reads the same or refuses.
 */
export class HeadFraming {
  #length: number | null = null
  #chunked = false
  #upgrade = false
  #connection: 'plain' | 'upgrade' | 'odd' = 'plain'

  /** `value` without the blanks before it. @returns null: understood */
  add(name: FramingName, value: string): MenderLoss | null {
    switch (name) {
      case 'content-length':
        return this.#addLength(withoutBlanks(value))
      case 'transfer-encoding':
        return this.#addEncoding(withoutBlanks(value))
      case 'connection':
        return this.#addConnection(value)
      case 'upgrade':
        this.#upgrade = true
        // The parser may or may not count an empty one.
        return withoutBlanks(value) === '' ? 'upgrade' : null
    }
  }

  /** Asked when all headers were added. */
  body(method: string): Body | MenderLoss {
    if (method === 'CONNECT') return { kind: 'upgrade' }
    if (this.#upgrade && this.#connection === 'odd') return 'upgrade'
    // Node hands such a request to `upgrade`, body and all.
    if (this.#upgrade && this.#connection === 'upgrade') return { kind: 'upgrade' }
    return this.#chunked ? { kind: 'chunked' } : { kind: 'length', bytes: this.#length ?? 0 }
  }

  #addLength(value: string): MenderLoss | null {
    if (this.#length !== null || this.#chunked || !decimal.test(value)) return 'content_length'
    this.#length = Number(value)
    return null
  }

  #addEncoding(value: string): MenderLoss | null {
    if (this.#chunked || this.#length !== null || value.toLowerCase() !== 'chunked')
      return 'transfer_encoding'
    this.#chunked = true
    return null
  }

  #addConnection(value: string): null {
    for (const token of value.toLowerCase().split(',')) {
      // A tab beside it the parser does not take for a blank.
      if (token.replaceAll(' ', '') === 'upgrade' && this.#connection !== 'odd') this.#connection = 'upgrade'
      else if (token.includes('upgrade')) this.#connection = 'odd'
    }
    return null
  }
}

/** Optional white space behind a value does not belong to it (RFC 9112 §5.1). */
function withoutBlanks(value: string): string {
  let end = value.length
  while (end > 0 && (value[end - 1] === ' ' || value[end - 1] === '\t')) end -= 1
  return value.slice(0, end)
}
