import { join } from 'node:path'
import { type AuditLog, openAuditLog } from '../audit/audit-log.js'
import type { Config } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import type { MattermostClient } from '../mattermost/client.js'
import type { Directory } from '../mattermost/directory.js'
import { CrlMemory } from '../revocation/crl/crl-memory.js'
import { ListShelf } from '../revocation/crl/list-shelf.js'
import { SessionBook } from '../sessions/session-book.js'
import { openEmbeddedStore } from '../store/embedded-store.js'
import type { Store } from '../store/store.js'
import { type TrustWarning, trustWarnings } from '../x509/trust-warnings.js'
import { closeAskers, noAskers, type RevocationRooms } from './askers.js'
import type { CookieStyle } from './browser-cookies.js'
import { Gate, type GateObserver } from './gate.js'
import { Holders } from './holders.js'
import { LiveRevocation } from './live-revocation.js'
import type { GateMeasures } from './measures.js'
import { type MattermostObserver, openMattermost } from './open-mattermost.js'
import { readRuling } from './ruling.js'

/** Told of what the gate's rooms do by themselves. */
export interface RoomObserver extends GateObserver, MattermostObserver {
  storeWarning(message: string): void
  trustWarning(warning: TrustWarning): void
}

/** A gate with the rooms behind it, for whoever owns their life. */
export interface OpenedGate {
  readonly gate: Gate
  readonly liveRevocation: LiveRevocation
  readonly revocation: RevocationRooms
  /** Who is told when what was fetched may turn a certificate bad (its SHA-256; null: any); one at a time. */
  readonly onStatusChange: (listener: RevocationRooms['onChange']) => void
  readonly audit: AuditLog
  readonly sessions: SessionBook
  readonly store: Store
  /** Null: without an administrator's credential accounts are not looked up. */
  readonly client: MattermostClient | null
  readonly directory: Directory | null
  readonly ownsCredentials: boolean
  readonly cookieStyle: CookieStyle
  close(): Promise<void>
}

/**
 * Opens everything that a decision needs: trusts, store, audit, Mattermost's directory and the sign-in
 * driver.
 *
 * @throws ConfigError for what the operator must mend, Fault where a file or the store cannot be used.
 */
export async function openGate(
  config: Config,
  clock: Clock,
  observer: RoomObserver,
  measures: GateMeasures,
): Promise<OpenedGate> {
  const closing: (() => Promise<void>)[] = []
  try {
    const { store, warnings } = await openEmbeddedStore({
      path: config.sessions.path,
      keyFile: config.sessions.keyFile,
      clock,
    })
    closing.push(() => store.close())
    for (const warning of warnings) observer.storeWarning(warning)
    const { revocation, onStatusChange } = await openRevocation(config, store, clock, observer)
    const ruling = await readRuling(config, clock, { before: null, rooms: revocation })
    for (const warning of trustWarnings(ruling.trusts, clock.now())) observer.trustWarning(warning)
    const audit = await openAuditLog({ file: config.audit.file, chain: config.audit.chain, clock })
    closing.push(() => audit.close())
    const mattermost = openMattermost({ config, store, clock, observer: withAuditedTokens(observer, audit) })
    closing.push(() => mattermost.close())
    const sessions = new SessionBook({ store, clock, idleMs: config.sessions.idleMs })
    closing.push(() => sessions.flush())
    const cookieStyle = { secure: config.public.url.startsWith('https:') }
    const { client, directory, driver } = mattermost
    const ownsCredentials = config.mattermost?.signIn === 'access-token'
    const holders = new Holders({ clock, idleMs: config.sessions.idleMs })
    const gate = new Gate({
      ...{ ruling, holders, directory, driver, ownsCredentials },
      ...{ sessions, audit, cookieStyle, observer, measures },
    })
    const liveRevocation = new LiveRevocation({
      ...{ holders, driver, audit, clock },
      ruling: () => gate.ruling,
      onFault: (error) => observer.roomFault(error),
    })
    return {
      ...{
        gate,
        liveRevocation,
        revocation,
        audit,
        sessions,
        store,
        client,
        directory,
        ownsCredentials,
        cookieStyle,
        onStatusChange,
      },
      close: async () => {
        await closeAskers(gate.ruling.askers, noAskers)
        await closeAll(closing)
      },
    }
  } catch (error) {
    await closeAll(closing)
    throw error
  }
}

/** Where lists are remembered and kept, beside the store's own file. */
async function openRevocation(
  { sessions }: Config,
  store: Store,
  clock: Clock,
  observer: RoomObserver,
): Promise<Pick<OpenedGate, 'revocation' | 'onStatusChange'>> {
  let told: RevocationRooms['onChange'] = () => undefined
  const shelf = new ListShelf(join(sessions.path, 'crl'))
  const onFault = (error: unknown) => observer.roomFault(error)
  await shelf.tidy(clock.now()).catch(onFault)
  return {
    revocation: {
      ...{ memory: new CrlMemory(store), shelf, onFault },
      onChange: (sha256) => told(sha256),
    },
    onStatusChange: (listener) => {
      told = listener
    },
  }
}

/** A token's making and end are changes of state: they stand in the audit too. */
function withAuditedTokens(observer: RoomObserver, audit: AuditLog): MattermostObserver {
  return {
    roomFault: (error) => observer.roomFault(error),
    token: (event) => {
      observer.token(event)
      const session = { driver: 'access-token', id: event.tokenId }
      audit
        .write({ event: 'token', reason: event.type, user: { id: event.userId }, session })
        .catch((error: unknown) => observer.roomFault(error))
    },
  }
}

/** Ends what was opened, last first. */
async function closeAll(closing: (() => Promise<void>)[]): Promise<void> {
  for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close()
}
