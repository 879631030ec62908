import type { Config } from '../config/config.js'
import { systemClock } from '../core/clock.js'
import { closeAskers, noAskers } from '../gate/askers.js'
import { readRuling } from '../gate/ruling.js'
import { MattermostClient } from '../mattermost/client.js'
import { Directory } from '../mattermost/directory.js'
import { openEmbeddedStore } from '../store/embedded-store.js'
import { memoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'
import type { ExplainOptions } from './explain.js'

export interface Explainer extends ExplainOptions {
  close(): Promise<void>
}

export interface ExplainerOptions {
  /** Mattermost is not asked for the account. */
  readonly offline: boolean
  /** Whether the gateway's store is there: without one nothing is remembered, and none is made. */
  readonly storeExists: boolean
}

/** What `explain` asks: the very judge of the gate, and a directory that remembers nothing. */
export async function openExplainer(config: Config, options: ExplainerOptions): Promise<Explainer> {
  const { judge, denyList, askers } = await readRuling(config, systemClock)
  const asked = { judge, denyList, clock: systemClock }
  const { mattermost } = config
  const signIn = mattermost?.signIn ?? 'none'
  if (options.offline || mattermost === null || mattermost.admin === null) {
    return { ...asked, directory: null, signIn, close: () => closeAskers(askers, noAskers) }
  }
  const { url, admin, directoryCacheMs } = mattermost
  const client = new MattermostClient({ url, admin, clock: systemClock })
  const store = await openStore(config, options.storeExists)
  const directory = new Directory({
    ...{ client, store, clock: systemClock, cacheMs: directoryCacheMs },
    remember: false,
  })
  const close = async (): Promise<void> => {
    await closeAskers(askers, noAskers)
    await client.close()
    await store.close()
  }
  return { ...asked, directory, signIn, close }
}

async function openStore({ sessions }: Config, exists: boolean): Promise<Store> {
  if (!exists) return memoryStore(systemClock)
  const { path, keyFile } = sessions
  return (await openEmbeddedStore({ path, keyFile, clock: systemClock })).store
}
