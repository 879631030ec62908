import pino from 'pino'
import type { Log } from '../../src/front/log.js'

/** A log whose lines a test can look at. */
export function logLines(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>)
  return { log: pino({ level: 'info', base: null }, { write }), lines }
}
