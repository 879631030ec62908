import type { Refusal } from '../core/refusals.js'
import { decodeAllBase64 } from './base64-value.js'
import { malformed } from './certificate-form.js'

/** `spaces` too: how a proxy joins the lines that a header cannot hold. */
export type LineEnds = 'newlines' | 'spaces'

const blocks: Readonly<Record<LineEnds, RegExp>> = {
  newlines:
    /[ \t\r\n]*-----BEGIN CERTIFICATE-----(\r?\n[A-Za-z0-9+/=\r\n]*)-----END CERTIFICATE-----[ \t\r\n]*/y,
  spaces:
    /[ \t\r\n]*-----BEGIN CERTIFICATE-----([ \n][A-Za-z0-9+/= \r\n]*)-----END CERTIFICATE-----[ \t\r\n]*/y,
}

/**
 * DER of the CERTIFICATE blocks of a percent-encoded PEM text, in order. A URI component's decoding keeps
 * `+`, which some proxies leave as it is; a form's decoding would make a space of it. Nothing but white
 * space may stand around the blocks.
 */
export function readEscapedPem(value: string, lineEnds: LineEnds = 'newlines'): Uint8Array[] | Refusal {
  const text = percentDecode(value)
  if (text === null) return malformed('it has a bad percent escape')
  const texts = base64Texts(text, blocks[lineEnds])
  if (texts === null) return malformed('it holds something other than whole CERTIFICATE blocks')
  return decodeAllBase64(texts) ?? malformed('its base64 is not whole')
}

/** The same where there is exactly one. */
export function readOneEscapedPem(value: string, lineEnds: LineEnds = 'newlines'): Uint8Array[] | Refusal {
  const certificates = readEscapedPem(value, lineEnds)
  return Array.isArray(certificates) && certificates.length !== 1
    ? malformed('it is not exactly one CERTIFICATE block')
    : certificates
}

export function percentDecode(value: string): string | null {
  try {
    return decodeURIComponent(value)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

function base64Texts(text: string, block: RegExp): string[] | null {
  const found: string[] = []
  block.lastIndex = 0
  while (block.lastIndex < text.length) {
    const match = block.exec(text)
    if (match === null) return null
    found.push((match[1] ?? '').replace(/[ \r\n]+/g, ''))
  }
  return found
}
