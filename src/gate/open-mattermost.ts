import type { Config, MattermostConfig } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import { AccessTokenDriver, type TokenEvent } from '../mattermost/access-token.js'
import { MattermostClient } from '../mattermost/client.js'
import { Directory } from '../mattermost/directory.js'
import { NoSignIn } from '../mattermost/no-sign-in.js'
import type { SignInDriver } from '../mattermost/sign-in.js'
import type { Store } from '../store/store.js'

export interface MattermostObserver {
  /** A personal access token was made, replaced or revoked; no secret is in it. */
  token(event: TokenEvent): void
  /** Something that nobody waits for failed: revoking a token, settling an intent. */
  roomFault(error: unknown): void
}

/** Mattermost as the gate sees it: who an identity is, and how that user is signed in. */
export interface OpenedMattermost {
  /** Null, as the directory: without an administrator's credential accounts are not looked up. */
  readonly client: MattermostClient | null
  readonly directory: Directory | null
  readonly driver: SignInDriver
  close(): Promise<void>
}

export interface MattermostParts {
  readonly config: Config
  readonly store: Store
  readonly clock: Clock
  readonly observer: MattermostObserver
}

/** @throws Fault ERR_MATTERMOST_CREDENTIAL where the administrator's token cannot be read */
export function openMattermost(parts: MattermostParts): OpenedMattermost {
  const { mattermost } = parts.config
  if (mattermost === null || mattermost.admin === null) {
    return { client: null, directory: null, driver: new NoSignIn(), close: () => Promise.resolve() }
  }
  const { url, admin } = mattermost
  const client = new MattermostClient({ url, admin, clock: parts.clock })
  return mattermost.signIn === 'none'
    ? withDirectoryOnly(parts, mattermost, client)
    : withAccessTokens(parts, mattermost, client)
}

function withDirectoryOnly(
  { store, clock }: MattermostParts,
  { directoryCacheMs }: MattermostConfig,
  client: MattermostClient,
): OpenedMattermost {
  const directory = new Directory({ client, store, cacheMs: directoryCacheMs, clock })
  return { client, directory, driver: new NoSignIn(), close: () => client.close() }
}

function withAccessTokens(
  { config, store, clock, observer }: MattermostParts,
  { directoryCacheMs }: MattermostConfig,
  client: MattermostClient,
): OpenedMattermost {
  const { instance } = config.sessions
  const onFault = (error: unknown): void => observer.roomFault(error)
  // The driver reads accounts through the directory, and the directory tells the driver who is deactivated.
  const driver: AccessTokenDriver = new AccessTokenDriver({
    ...{ client, store, clock, instance, directoryCacheMs, onFault },
    reread: (userId) => directory.reread(userId),
    onEvent: (event) => observer.token(event),
  })
  const directory = new Directory({
    ...{ client, store, clock, cacheMs: directoryCacheMs },
    onDeactivated: (userId) => void driver.revokeFor(userId),
  })
  driver.start()
  return {
    ...{ client, directory, driver },
    close: async () => {
      await driver.close()
      await client.close()
    },
  }
}
