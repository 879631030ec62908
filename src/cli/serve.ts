import { serveUntilStopped } from '../server/serve.js'
import { type Command, configFile } from './command.js'
import { readConfig } from './load.js'

export const serve: Command = {
  name: 'serve',
  summary: 'run the gateway',
  usage: '--config FILE',
  help: `Runs the gateway until SIGTERM or SIGINT: then running requests are answered, websockets are closed
with 1001, and it ends with exit code 0. A second signal ends it at once. SIGHUP reads the configuration
and every file that it names anew, and reopens the audit file; what is wrong leaves all as it was.

  --config FILE   the configuration`,
  options: { config: { type: 'string' } },
  async run(args, terminal) {
    const read = () => readConfig(configFile(args), terminal, { uncheckedCredentials: false })
    return serveUntilStopped(await read(), read)
  },
}
