import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, systemClock } from '../../core/clock.js'
import type { AccessToken } from './access-tokens.js'
import type { Account } from './accounts.js'
import type { Answer } from './answer.js'
import { type Cut, Faults, type HeldRequest } from './faults.js'
import { Front } from './front.js'
import type { LoggedRequest } from './request-log.js'
import type { Session } from './sessions.js'
import { defaultSettings, type Settings } from './settings.js'
import { type Generation, traitsOf } from './traits.js'
import { addUser, defaultUsers, populate, type StandinUser } from './users.js'
import { type Timing, World } from './world.js'

export type { StandinUser } from './users.js'

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

const defaultTiming: Timing = {
  challengeTimeoutMs: 5000,
  pingIntervalMs: 60_000,
  pongTimeoutMs: 100_000,
  keepAliveMs: 60_000,
}

/** Starts a stand-in for Mattermost on loopback. It answers as `contract.md` says; see the contract test. */
export async function startStandin(options: StandinOptions = {}): Promise<Standin> {
  const settings: Settings = {
    ...defaultSettings,
    ...given(options, defaultSettings),
    enableUserAccessTokens: options.userAccessTokens ?? true,
    siteUrl: options.siteUrl ?? '',
  }
  const timing = { ...defaultTiming, ...given(options, defaultTiming) }
  const clock = options.clock ?? systemClock
  const traits = traitsOf[options.generation ?? '11']
  const world = new World({ clock, traits, settings, timing })
  const team = populate(world, options.users ?? defaultUsers)
  const faults = new Faults()
  const front = new Front(world, faults)
  const network = await listen(front.server(false), {
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
  })
  const local =
    options.localSocket === undefined ? [] : [await listen(front.server(true), { path: options.localSocket })]
  const url = urlOf(network)
  settings.siteUrl = options.siteUrl ?? url
  return standin({ world, faults, front, url, servers: [network, ...local], team })
}

interface Running {
  readonly world: World
  readonly faults: Faults
  readonly front: Front
  readonly url: string
  readonly servers: readonly Server[]
  readonly team: { readonly id: string; readonly channelId: string }
}

function standin({ world, faults, front, url, servers, team }: Running): Standin {
  const account = (name: string): Account => {
    const found = world.accounts.byUsername(name)
    if (found === undefined) throw new Error(`the stand-in has no user ${name}`)
    return found
  }
  const dropSockets = () => {
    for (const socket of [...world.sockets, ...front.pluginSockets]) socket.drop()
  }
  return {
    url,
    generation: world.traits.generation,
    adminToken: world.accessTokens.add(account('admin').id, 'stand-in').token,
    teamId: team.id,
    channelId: team.channelId,
    get users() {
      return Object.fromEntries(world.accounts.all().map((found) => [found.username, view(found, world)]))
    },
    user: (name) => view(account(name), world),
    requests: front.requests,
    settings: world.settings,
    addUser: (user) => view(addUser(world, user), world),
    deactivate: (name) => world.setActive(account(name), false),
    activate: (name) => world.setActive(account(name), true),
    rename: (name, newName) => {
      const renamed = account(name)
      renamed.username = newName
      world.accounts.touch(renamed)
    },
    deleteUser: (name) => world.removeUser(account(name)),
    openSession: (name) => {
      const signedIn = account(name)
      signedIn.failedAttempts = 0
      return world.sessions.open(signedIn.id)
    },
    tokensOf: (name) => world.accessTokens.ofUser(account(name).id).map(tokenView),
    revokeAllTokens: (name) => {
      for (const token of world.accessTokens.ofUser(account(name).id)) world.revoke(token)
    },
    setUserAccessTokens: (enabled) => {
      world.settings.enableUserAccessTokens = enabled
    },
    openSockets: () =>
      [...world.sockets].map((socket) => ({
        username: socket.username,
        path: socket.path,
        sendEvent: (event, payload) => socket.sendEvent(event, payload),
        drop: () => socket.drop(),
      })),
    openPluginSockets: () => front.pluginSockets.size,
    setDown: (down) => {
      faults.down = down
      if (!down) return
      dropSockets()
      for (const server of servers) server.closeAllConnections()
    },
    delayAnswers: (path, delayMs) => faults.delay(path, delayMs),
    holdNext: (path) => faults.holdNext(path),
    answerNext: (path, answer) =>
      faults.answerNext(path, typeof answer === 'string' ? answer : { ...answer, routed: 'bare' }),
    close: async () => {
      dropSockets()
      await Promise.all(servers.map(stop))
    },
  }
}

function view(account: Account, world: World): StandinAccount {
  const { id, username, email, password, deleteAt } = account
  return { id, username, email, password, deleteAt, sessions: world.sessions.ofUser(id) }
}

function tokenView({ id, token, description, isActive }: AccessToken) {
  return { id, token, description, is_active: isActive }
}

/** Those members of the options that the defaults name, and that are set. */
function given<Names extends object>(options: StandinOptions, defaults: Names): Partial<Names> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name in defaults && value !== undefined),
  ) as Partial<Names>
}

async function listen(
  server: Server,
  where: { host: string; port: number } | { path: string },
): Promise<Server> {
  server.listen(where)
  await once(server, 'listening')
  return server
}

async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
