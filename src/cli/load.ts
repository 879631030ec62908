import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { readTrusts } from '../gate/trusts.js'
import type { Terminal } from './command.js'

/**
 * The configuration and what it names, read whole: throws a ConfigError that lists every mistake.
 *
 * @param uncheckedCredentials for commands that run outside of the service: systemd shows credentials to
 *   the service alone, so there a missing one is no mistake
 */
export async function loadForCommand(
  file: string,
  terminal: Terminal,
  { uncheckedCredentials }: { readonly uncheckedCredentials: boolean },
): Promise<Config> {
  const credentialsDirectory = terminal.environment.CREDENTIALS_DIRECTORY
  const config = await loadConfig(file, {
    uncheckedCredentials,
    ...(credentialsDirectory === undefined ? {} : { credentialsDirectory }),
  })
  await readTrusts(config)
  return config
}
