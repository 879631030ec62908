import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { systemClock } from '../core/clock.js'
import { readRuling } from '../gate/ruling.js'
import type { Terminal } from './command.js'

export interface ReadOptions {
  /**
   * For commands that run outside of the service: systemd shows credentials to the service alone, so there
   * a missing one is no mistake.
   */
  readonly uncheckedCredentials: boolean
}

/** The configuration and what it names, read whole: throws a ConfigError that lists every mistake. */
export async function loadForCommand(
  file: string,
  terminal: Terminal,
  options: ReadOptions,
): Promise<Config> {
  const config = await readConfig(file, terminal, options)
  await readRuling(config, systemClock)
  return config
}

/** The same without the files' content, for whoever reads that himself. */
export function readConfig(
  file: string,
  terminal: Terminal,
  { uncheckedCredentials }: ReadOptions,
): Promise<Config> {
  const credentialsDirectory = terminal.environment.CREDENTIALS_DIRECTORY
  return loadConfig(file, {
    uncheckedCredentials,
    ...(credentialsDirectory === undefined ? {} : { credentialsDirectory }),
  })
}
