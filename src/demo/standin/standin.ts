import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../../core/clock.js'
import type { AccessToken } from './access-tokens.js'
import type { Account } from './accounts.js'
import type { ClientSocket } from './client-socket.js'
import { Faults } from './faults.js'
import { Front } from './front.js'
import { defaultSettings, type Settings } from './settings.js'
import type { OpenSocket, Standin, StandinAccount, StandinOptions } from './standin-interface.js'
import { traitsOf } from './traits.js'
import { addUser, defaultUsers, populate, type StandinUser } from './users.js'
import { type Timing, World } from './world.js'

export type { OpenSocket, Standin, StandinAccount, StandinOptions } from './standin-interface.js'
export type { StandinUser } from './users.js'

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

function standin(running: Running): Standin {
  const { world, front, url, servers, team } = running
  return {
    url,
    generation: world.traits.generation,
    adminToken: world.accessTokens.add(accountOf(world, 'admin').id, 'stand-in').token,
    teamId: team.id,
    channelId: team.channelId,
    get users() {
      return Object.fromEntries(world.accounts.all().map((found) => [found.username, view(found, world)]))
    },
    requests: front.requests,
    settings: world.settings,
    ...userControls(world),
    ...tokenControls(world),
    openSockets: () => [...world.sockets].map(socketView),
    openPluginSockets: () => front.pluginSockets.size,
    ...disturbances(running),
    close: async () => {
      dropSockets(running)
      await Promise.all(servers.map(stop))
    },
  }
}

function userControls(world: World) {
  return {
    user: (name: string) => view(accountOf(world, name), world),
    addUser: (user: StandinUser) => view(addUser(world, user), world),
    deactivate: (name: string) => world.setActive(accountOf(world, name), false),
    activate: (name: string) => world.setActive(accountOf(world, name), true),
    rename: (name: string, newName: string) => {
      const renamed = accountOf(world, name)
      renamed.username = newName
      world.accounts.touch(renamed)
    },
    deleteUser: (name: string) => world.removeUser(accountOf(world, name)),
    openSession: (name: string) => {
      const signedIn = accountOf(world, name)
      signedIn.failedAttempts = 0
      return world.sessions.open(signedIn.id)
    },
  }
}

function tokenControls(world: World) {
  return {
    tokensOf: (name: string) => world.accessTokens.ofUser(accountOf(world, name).id).map(tokenView),
    revokeAllTokens: (name: string) => {
      for (const token of world.accessTokens.ofUser(accountOf(world, name).id)) world.revoke(token)
    },
    setUserAccessTokens: (enabled: boolean) => {
      world.settings.enableUserAccessTokens = enabled
    },
  }
}

function disturbances(
  running: Running,
): Pick<Standin, 'setDown' | 'delayAnswers' | 'holdNext' | 'answerNext'> {
  const { faults, servers } = running
  return {
    setDown: (down) => {
      faults.down = down
      if (!down) return
      dropSockets(running)
      for (const server of servers) server.closeAllConnections()
    },
    delayAnswers: (path, delayMs) => faults.delay(path, delayMs),
    holdNext: (path) => faults.holdNext(path),
    answerNext: (path, answer) =>
      faults.answerNext(path, typeof answer === 'string' ? answer : { ...answer, routed: 'bare' }),
  }
}

function dropSockets({ world, front }: Running): void {
  for (const socket of [...world.sockets, ...front.pluginSockets]) socket.drop()
}

function accountOf(world: World, name: string): Account {
  const found = world.accounts.byUsername(name)
  if (found === undefined) throw new Error(`the stand-in has no user ${name}`)
  return found
}

function view(account: Account, world: World): StandinAccount {
  const { id, username, email, password, deleteAt } = account
  return { id, username, email, password, deleteAt, sessions: world.sessions.ofUser(id) }
}

function tokenView({ id, token, description, isActive }: AccessToken) {
  return { id, token, description, is_active: isActive }
}

function socketView(socket: ClientSocket): OpenSocket {
  return {
    username: socket.username,
    path: socket.path,
    sendEvent: (event, payload) => socket.sendEvent(event, payload),
    drop: () => socket.drop(),
  }
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
