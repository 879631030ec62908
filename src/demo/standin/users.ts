import type { Account } from './accounts.js'
import type { Team } from './teams.js'
import type { World } from './world.js'

/** A user to begin with. Left out: `NAME@example.com`, `Standin-1-NAME`, `system_user`, a member of the team. */
export interface StandinUser {
  readonly username: string
  readonly email?: string
  /** Null: an account without a password. */
  readonly password?: string | null
  readonly roles?: string
  readonly firstName?: string
  readonly bot?: boolean
  readonly deactivated?: boolean
  readonly teamMember?: boolean
  readonly authService?: string
  readonly authData?: string
}

export const defaultUsers: readonly StandinUser[] = [
  { username: 'admin', roles: 'system_admin system_user' },
  { username: 'alice' },
  { username: 'bob' },
  { username: 'carol', deactivated: true },
  { username: 'dave' },
  { username: 'robot', bot: true },
]

const teamName = 'staff'

/** Makes the team `staff` and these users, and the administrator if he is not among them. */
export function populate(world: World, users: readonly StandinUser[]): Team {
  const team = world.teams.add(teamName, 'Staff')
  const hasAdmin = users.some((user) => user.username === 'admin')
  const admin: StandinUser = { username: 'admin', roles: 'system_admin system_user' }
  for (const user of hasAdmin ? users : [admin, ...users]) addUser(world, user)
  return team
}

export function addUser(world: World, user: StandinUser): Account {
  const { username } = user
  const bot = user.bot ?? false
  const account = world.accounts.add({
    username,
    email: user.email ?? `${username}@${bot ? 'localhost' : 'example.com'}`,
    password: bot ? null : user.password === undefined ? `Standin-1-${username}` : user.password,
    isBot: bot,
    ...(user.roles === undefined ? {} : { roles: user.roles }),
    ...(user.firstName === undefined ? {} : { firstName: user.firstName }),
    ...(user.authService === undefined ? {} : { authService: user.authService }),
    ...(user.authData === undefined ? {} : { authData: user.authData }),
  })
  if (user.teamMember ?? !bot) world.teams.byName(teamName)?.memberIds.add(account.id)
  if (user.deactivated === true) world.setActive(account, false)
  return account
}
