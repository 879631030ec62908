import type { Clock } from '../../core/clock.js'
import { newId } from './ids.js'

/** A user as the server keeps it. Times are milliseconds since 1970; `deleteAt` is 0 while active. */
export interface Account {
  readonly id: string
  username: string
  email: string
  /** Null: an account without a password (bot, single sign-on). */
  password: string | null
  authService: string
  authData: string
  roles: string
  nickname: string
  firstName: string
  lastName: string
  readonly createAt: number
  updateAt: number
  deleteAt: number
  readonly isBot: boolean
  emailVerified: boolean
  failedAttempts: number
  /** 0 until the username is changed for the first time. */
  lastPictureUpdate: number
}

export type NewAccount = Pick<Account, 'username' | 'email' | 'password'> &
  Partial<Pick<Account, 'authService' | 'authData' | 'roles' | 'firstName' | 'isBot' | 'emailVerified'>>

/** All users, the deactivated ones included. */
export class Accounts {
  readonly #clock: Clock
  readonly #byId = new Map<string, Account>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(from: NewAccount): Account {
    const now = this.#clock.now()
    const account: Account = {
      id: newId(),
      username: from.username.toLowerCase(),
      email: from.email.toLowerCase(),
      password: from.password,
      authService: from.authService ?? '',
      authData: from.authData ?? '',
      roles: from.roles ?? 'system_user',
      nickname: '',
      firstName: from.firstName ?? '',
      lastName: '',
      createAt: now,
      updateAt: now,
      deleteAt: 0,
      isBot: from.isBot ?? false,
      emailVerified: from.emailVerified ?? false,
      failedAttempts: 0,
      lastPictureUpdate: 0,
    }
    this.#byId.set(account.id, account)
    return account
  }

  all(): Account[] {
    return [...this.#byId.values()]
  }

  byId(id: string): Account | undefined {
    return this.#byId.get(id)
  }

  byEmail(email: string): Account | undefined {
    const wanted = email.toLowerCase()
    return this.all().find((account) => account.email === wanted)
  }

  byUsername(username: string): Account | undefined {
    return this.all().find((account) => account.username === username)
  }

  byAuthData(authData: string): Account | undefined {
    return this.all().find((account) => account.authData === authData && authData !== '')
  }

  /** A log-in name is a username or an e-mail address, in any case. */
  byLoginId(loginId: string): Account | undefined {
    return this.byUsername(loginId.toLowerCase()) ?? this.byEmail(loginId)
  }

  /** Notes that something of the account changed, as `update_at` and the ETag show it. */
  touch(account: Account): void {
    account.updateAt = Math.max(this.#clock.now(), account.updateAt + 1)
  }

  remove(id: string): void {
    this.#byId.delete(id)
  }
}

export function isAdministrator(account: Account): boolean {
  return account.roles.split(' ').includes('system_admin')
}
