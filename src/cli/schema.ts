import { jsonSchema } from '../config/schema.js'
import type { Command } from './command.js'

export const schema: Command = {
  name: 'schema',
  summary: 'print the JSON Schema of the configuration',
  usage: '',
  help: `Prints the JSON Schema of the configuration, for an editor's completion:

  mattergate schema > mattergate.schema.json`,
  options: {},
  async run(_args, terminal) {
    terminal.out(`${JSON.stringify(jsonSchema(), null, 2)}\n`)
    return 0
  },
}
