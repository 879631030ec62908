import type { SignInDriver } from './sign-in.js'

/** `none`: certificates are verified and requests forwarded; Mattermost's own login page does the rest. */
export class NoSignIn implements SignInDriver {
  readonly name = 'none'

  signIn(): null {
    return null
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
