import { printable } from '../audit/printable.js'
import type { Config } from '../config/config.js'
import { systemClock } from '../core/clock.js'
import { forgetIdentity, listIdentities } from '../mattermost/remembered-identities.js'
import { openEmbeddedStore } from '../store/embedded-store.js'
import type { Store } from '../store/store.js'
import { type Command, configFile, type ExitCode, type Terminal, UsageError } from './command.js'
import { loadForCommand } from './load.js'

export const identities: Command = {
  name: 'identities',
  summary: 'which certificate value belongs to which Mattermost user id',
  usage: 'list|forget --config FILE [TRUST RULE VALUE] [--json]',
  help: `list prints what the gateway remembers: trust, rule, value, user id. forget takes the first three; the
next request with that value is mapped anew (a running gateway believes what it knows for up to
mattermost.directoryCache). Run it as the service's user.

  --config FILE   the configuration
  --json          for programs`,
  options: { config: { type: 'string' }, json: { type: 'boolean' } },
  async run(args, terminal) {
    const config = await loadForCommand(configFile(args), terminal, { uncheckedCredentials: true })
    const [action, ...words] = args.positionals
    if (action === 'list' && words.length === 0) {
      return withStore(config, (store) => list(store, args.values.json === true, terminal))
    }
    if (action === 'forget') return withStore(config, (store) => forget(store, words, terminal))
    throw new UsageError('say list, or forget TRUST RULE VALUE.')
  },
}

async function withStore(config: Config, use: (store: Store) => Promise<ExitCode>): Promise<ExitCode> {
  const { path, keyFile } = config.sessions
  const { store } = await openEmbeddedStore({ path, keyFile, clock: systemClock })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

async function list(store: Store, json: boolean, terminal: Terminal): Promise<ExitCode> {
  for await (const remembered of listIdentities(store)) {
    const { trust, rule, value, userId } = remembered
    terminal.out(
      json ? `${JSON.stringify(remembered)}\n` : `${printable([trust, rule, value, userId].join('  '))}\n`,
    )
  }
  return 0
}

async function forget(store: Store, words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [trust, rule, value, ...more] = words
  if (trust === undefined || rule === undefined || value === undefined || more.length > 0) {
    throw new UsageError('forget takes TRUST RULE VALUE, as list prints them.')
  }
  if (await forgetIdentity(store, { trust, rule, value })) {
    terminal.out('Forgotten.\n')
    return 0
  }
  terminal.err('Nothing is remembered of that: see mattergate identities list.\n')
  return 1
}
