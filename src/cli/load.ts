import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { readTrusts } from '../gate/trusts.js'
import type { Terminal } from './command.js'

/** The configuration and what it names, read whole: throws a ConfigError that lists every mistake. */
export async function loadForCommand(file: string, terminal: Terminal): Promise<Config> {
  const credentialsDirectory = terminal.environment.CREDENTIALS_DIRECTORY
  const config = await loadConfig(file, credentialsDirectory === undefined ? {} : { credentialsDirectory })
  await readTrusts(config)
  return config
}
