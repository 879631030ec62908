import type { NewAccount } from './accounts.js'
import { type Answer, appError, json } from './answer.js'
import { type Actor, readObject, textOf } from './call.js'
import { open, type Route } from './route.js'
import { userJson } from './user-json.js'
import { isEmail, isUsername, passwordProblem } from './user-rules.js'
import type { World } from './world.js'

/** Rules 39 to 42. */
export const userCreationRoutes: readonly Route[] = [
  open(
    'POST',
    '/users',
    async (call, actor, world) => {
      const wanted = await readObject(call)
      const mayManage = actor?.mayManage === true
      const problem = problemOf(wanted, actor, world)
      if (problem !== null) return problem
      const from: NewAccount = {
        username: textOf(wanted, 'username'),
        email: textOf(wanted, 'email'),
        password: textOf(wanted, 'auth_service') === '' ? textOf(wanted, 'password') : null,
        authService: textOf(wanted, 'auth_service'),
        authData: textOf(wanted, 'auth_data'),
        firstName: textOf(wanted, 'first_name'),
        emailVerified: mayManage && wanted['email_verified'] === true,
      }
      const view = userJson(world.accounts.add(from), 'self', world.traits)
      // The real server echoes what it was sent here, and keeps nothing of it.
      return json(wanted['is_bot'] === true ? { ...view, is_bot: true } : view, 201)
    },
    { onSocket: 'always' },
  ),
]

function problemOf(wanted: Record<string, unknown>, actor: Actor | null, world: World): Answer | null {
  const { settings, accounts } = world
  if (actor?.mayManage !== true && !settings.enableOpenServer) {
    return appError(403, 'api.user.create_user.no_open_server')
  }
  const email = textOf(wanted, 'email')
  if (!isEmail(email)) return appError(400, 'model.user.is_valid.email.app_error')
  const domain = settings.restrictCreationToDomains
  if (domain !== '' && !email.toLowerCase().endsWith(`@${domain}`)) {
    return appError(400, 'api.user.create_user.accepted_domain.app_error')
  }
  const username = textOf(wanted, 'username')
  if (!isUsername(username)) return appError(400, 'model.user.is_valid.username.app_error')
  const credential = credentialProblem(wanted, world)
  if (credential !== null) return credential
  if (accounts.byEmail(email) !== undefined) return appError(400, 'app.user.save.email_exists.app_error')
  if (accounts.byUsername(username.toLowerCase()) !== undefined) {
    return appError(400, 'app.user.save.username_exists.app_error')
  }
  const taken = accounts.byAuthData(textOf(wanted, 'auth_data')) !== undefined
  return taken ? appError(500, 'app.user.save.app_error') : null
}

function credentialProblem(wanted: Record<string, unknown>, world: World): Answer | null {
  const password = textOf(wanted, 'password')
  if (textOf(wanted, 'auth_service') === '') return passwordProblem(password, world)
  return password === '' ? null : appError(400, 'model.user.is_valid.auth_data_pwd.app_error')
}
