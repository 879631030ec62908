import type { Terminal } from './command.js'

export interface ProgressBar {
  show(done: number): void
  /** Gives the line back. */
  clear(): void
}

const barWidth = 30
const toLineStart = '\r'

/** On a line of its own beside the output; where nobody sees it come, nothing. */
export function progressBar(
  { interactive, err }: Pick<Terminal, 'interactive' | 'err'>,
  total: number,
): ProgressBar {
  if (!interactive) return { show: () => undefined, clear: () => undefined }
  let shown = ''
  return {
    show: (done) => {
      const filled = Math.round((done / total) * barWidth)
      shown = `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${done}/${total}`
      err(`${toLineStart}${shown}`)
    },
    clear: () => err(`${toLineStart}${' '.repeat(shown.length)}${toLineStart}`),
  }
}
