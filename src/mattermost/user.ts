/** A Mattermost account, as far as sign-in looks at it. */
export interface MattermostUser {
  readonly id: string
  readonly username: string
  readonly email: string
  /** Milliseconds since 1970 of its deactivation; 0 while active. */
  readonly deleteAt: number
  readonly isBot: boolean
}
