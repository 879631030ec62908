/** What was looked at. `mattermost.tokens` and the like are stable names, for programs. */
export type CheckName =
  | 'configuration'
  | 'files'
  | 'nginx.version'
  | 'nginx.configuration'
  | 'nginx.headers'
  | 'nginx.forgery'
  | 'nginx.names'
  | 'authorities'
  | 'revocation'
  | 'mattermost.reachable'
  | 'mattermost.site-url'
  | 'mattermost.bypass'
  | 'mattermost.tokens'
  | 'mattermost.websocket'
  | 'mattermost.rate-limit'
  | 'admin'
  | 'clock'

export interface Finding {
  readonly check: CheckName
  /** warn: it works, and will not always. skipped: it could not be looked at. */
  readonly outcome: 'ok' | 'warn' | 'fail' | 'skipped'
  /** What was found, in one line. */
  readonly text: string
  /** What to do; null: nothing. */
  readonly remedy: string | null
}

export function ok(check: CheckName, text: string): Finding {
  return { check, outcome: 'ok', text, remedy: null }
}

export function warn(check: CheckName, text: string, remedy: string): Finding {
  return { check, outcome: 'warn', text, remedy }
}

export function fail(check: CheckName, text: string, remedy: string): Finding {
  return { check, outcome: 'fail', text, remedy }
}

export function skipped(check: CheckName, text: string, remedy: string | null = null): Finding {
  return { check, outcome: 'skipped', text, remedy }
}

/** Of something thrown: its words, without a stack. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
