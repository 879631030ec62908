import { formatIssue } from '../core/config-error.js'
import { type Command, configFile } from './command.js'
import { loadForCommand } from './load.js'

export const checkConfig: Command = {
  name: 'check-config',
  summary: 'say everything that is wrong with a configuration',
  usage: '--config FILE',
  help: `Reads the configuration and the files that it names, and prints every mistake at once as
FILE:LINE:COLUMN: what, what to do. Exit code 0 when it is sound, 78 when not.

  --config FILE   the configuration`,
  options: { config: { type: 'string' } },
  async run(args, terminal) {
    const config = await loadForCommand(configFile(args), terminal, { uncheckedCredentials: true })
    for (const warning of config.warnings) terminal.err(`${formatIssue(warning)} (a warning)\n`)
    terminal.out(`${configFile(args)}: sound\n`)
    return 0
  },
}
