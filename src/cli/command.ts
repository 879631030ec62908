import type { ParseArgsConfig } from 'node:util'

/** 0 ok, 1 refused or failed, 64 usage (EX_USAGE), 78 configuration (EX_CONFIG). */
export type ExitCode = 0 | 1 | 64 | 78

/** What a command may use of the process it runs in. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** A person sees what goes to `err`, as it comes. */
  readonly interactive: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  readonly positionals: readonly string[]
}

export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What follows `mattergate NAME`. */
  readonly usage: string
  /** A paragraph and the options, for `--help`. */
  readonly help: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  run(args: Arguments, terminal: Terminal): Promise<ExitCode>
}

/** Thrown by a command whose words are off: printed with its usage, exit 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The value of `--config`, which most commands need. */
export function configFile(args: Arguments): string {
  const file = args.values.config
  if (typeof file !== 'string') throw new UsageError('--config FILE is missing.')
  return file
}
