import { nginxSite } from '../nginx-site/nginx-site.js'
import { type Command, configFile } from './command.js'
import { loadForCommand } from './load.js'

export const nginx: Command = {
  name: 'nginx',
  summary: 'print the nginx site that belongs to a configuration',
  usage: '--config FILE',
  help: `Prints the whole nginx site for Mattermost behind this gateway:

  mattergate nginx --config /etc/mattergate/config.yaml > /etc/nginx/sites-available/mattermost

  --config FILE   the configuration`,
  options: { config: { type: 'string' } },
  async run(args, terminal) {
    terminal.out(nginxSite(await loadForCommand(configFile(args), terminal, { uncheckedCredentials: true })))
    return 0
  },
}
