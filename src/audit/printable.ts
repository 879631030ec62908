/**
 * What JSON.stringify leaves as it is and a terminal or a reader of lines may obey: DEL and C1, the
 * line and paragraph separators, and the bidirectional controls (Unicode TR 36, Unicode TR 9 §2).
 */
const unsafe = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** The same, control characters and lone surrogates: what JSON.stringify escapes by itself. */
const unsafeOrControl = new RegExp(`[\\0-\\x1f]|\\p{Surrogate}|${unsafe.source}`, 'gu')

/** JSON text with those characters as `\uXXXX`: it parses to the same value. */
export function escapeUnsafe(json: string): string {
  return json.replace(unsafe, escaped)
}

/** Any text as one line that a terminal shows and does not obey. */
export function printable(text: string): string {
  return text.replace(unsafeOrControl, escaped)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
