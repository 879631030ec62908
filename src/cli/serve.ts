import { serveUntilStopped } from '../server/serve.js'
import { type Command, configFile } from './command.js'
import { loadForCommand } from './load.js'

export const serve: Command = {
  name: 'serve',
  summary: 'run the gateway',
  usage: '--config FILE',
  help: `Runs the gateway until SIGTERM or SIGINT: then running requests are answered, websockets are closed
with 1001, and it ends with exit code 0. A second signal ends it at once.

  --config FILE   the configuration`,
  options: { config: { type: 'string' } },
  async run(args, terminal) {
    return serveUntilStopped(
      await loadForCommand(configFile(args), terminal, { uncheckedCredentials: false }),
    )
  },
}
