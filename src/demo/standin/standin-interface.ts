import type { Clock } from '../../core/clock.js'
import type { Answer } from './answer.js'
import type { Cut, HeldRequest } from './faults.js'
import type { LoggedRequest } from './request-log.js'
import type { Session } from './sessions.js'
import type { Settings } from './settings.js'
import type { Generation } from './traits.js'
import type { StandinUser } from './users.js'
import type { Timing } from './world.js'

export interface StandinOptions
  extends Partial<Omit<Settings, 'siteUrl' | 'enableUserAccessTokens'>>,
    Partial<Timing> {
  /** Which Mattermost to be; 11 by default. */
  readonly generation?: Generation
  /** Its own address by default. Against this a websocket's Origin is held in generation 11. */
  readonly siteUrl?: string
  readonly host?: string
  readonly port?: number
  /** Whom to begin with; an administrator `admin` is added where none is named so. */
  readonly users?: readonly StandinUser[]
  readonly userAccessTokens?: boolean
  /** Path of the local-mode socket; left out: none. */
  readonly localSocket?: string
  readonly clock?: Clock
}

/** A user as a test sees him: live values, not a copy. */
export interface StandinAccount {
  readonly id: string
  readonly username: string
  readonly email: string
  readonly password: string | null
  readonly deleteAt: number
  readonly sessions: readonly Session[]
}

export interface OpenSocket {
  /** Who signed it in; null: nobody yet. */
  readonly username: string | null
  readonly path: string
  readonly sendEvent: (event: string, payload: object) => void
  readonly drop: () => void
}

/** A running stand-in for Mattermost, with what a test needs to look into it and to disturb it. */
export interface Standin {
  readonly url: string
  readonly generation: Generation
  /** A personal access token of the administrator. */
  readonly adminToken: string
  readonly teamId: string
  readonly channelId: string
  /** By username. */
  readonly users: Readonly<Record<string, StandinAccount>>
  /** @throws where there is no such user. */
  user(name: string): StandinAccount
  /** The last 10,000 requests that reached it, oldest first; may be emptied (`requests.length = 0`). */
  readonly requests: LoggedRequest[]
  readonly settings: Settings
  addUser(user: StandinUser): StandinAccount
  deactivate(name: string): void
  activate(name: string): void
  rename(name: string, newName: string): void
  deleteUser(name: string): void
  /** An ordinary session of that user, as after a log-in. */
  openSession(name: string): Session
  tokensOf(name: string): { id: string; token: string; description: string; is_active: boolean }[]
  revokeAllTokens(name: string): void
  setUserAccessTokens(enabled: boolean): void
  openSockets(): OpenSocket[]
  openPluginSockets(): number
  /** True: connections are cut off, open ones too, as if the server were down. */
  setDown(down: boolean): void
  delayAnswers(path: string, delayMs: number): void
  holdNext(path: string): HeldRequest
  /** The next request for this path is answered so in the server's place, or its connection is cut. */
  answerNext(path: string, answer: Pick<Answer, 'status' | 'headers' | 'body'> | Cut): void
  close(): Promise<void>
}
