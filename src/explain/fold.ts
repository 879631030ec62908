import { printable } from '../audit/printable.js'

/**
 * Lines of at most so many characters, where words allow it: broken after a space or a name's comma, never
 * inside a file name or an address. What goes on in the next line stands two further in than it began.
 */
export function fold(text: string, width: number): readonly string[] {
  const [start = ''] = /^ */.exec(text) ?? []
  const lines: string[] = []
  let line = start
  for (const word of printable(text.slice(start.length)).split(afterSpaceOrComma)) {
    if (line.trim() !== '' && (line + word).trimEnd().length > width) {
      lines.push(line.trimEnd())
      line = `${start}  `
    }
    line += word
  }
  return [...lines, line.trimEnd()]
}

/** Where they are not part of a value, as RFC 4514 escapes them. */
const afterSpaceOrComma = /(?<=(?<!\\)[ ,])/
