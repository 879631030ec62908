import pino, { type Logger } from 'pino'
import { Fault } from '../core/faults.js'

export type Log = Logger

/** One JSON line each to standard output, which systemd hands to the journal. */
export function createLog(level: string): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime })
}

/** For whoever runs the gateway within another program and tells people himself. */
export const silentLog: Log = pino({ level: 'silent' })

/** What a log line may say of something thrown: no values that a library put into its error. */
export function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { error: String(error) }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const cause = error.cause === undefined ? {} : { cause: errorFields(error.cause) }
  // A fault says what happened in its own words; of everything else the place is needed as well.
  const stack = error instanceof Fault ? {} : { stack: error.stack }
  return { error: error.message, ...code, ...cause, ...stack }
}
