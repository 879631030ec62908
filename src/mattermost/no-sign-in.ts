import type { SignInDriver } from './sign-in.js'

/** `none`: certificates are verified and requests forwarded; Mattermost's own login page does the rest. */
export class NoSignIn implements SignInDriver {
  readonly name = 'none'

  signIn(): null {
    return null
  }

  /** Whoever signed in at Mattermost's own page is none of ours. */
  revokeFor(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
