import type { Account } from './accounts.js'
import { type Answer, appError, done, forbidden, invalidBodyParam, isAnswer, json } from './answer.js'
import { type Actor, readObject, textOf } from './call.js'
import { open, type Route, signedIn } from './route.js'
import { targetOwnUser, targetUser } from './target-user.js'
import { userJson } from './user-json.js'
import { isEmail, isUsername, passwordProblem } from './user-rules.js'
import type { World } from './world.js'

/** What changes an account: rules 35, 43 and 44. */
export const userChangeRoutes: readonly Route[] = [
  signedIn(
    'PUT',
    '/users/{id}/active',
    async (call, actor, world, [id = '']) => {
      const { active } = await readObject(call)
      if (typeof active !== 'boolean') return invalidBodyParam()
      if (!actor.mayManage) return appError(403, 'api.user.update_active.permissions.app_error')
      const account = targetUser(id, actor, world)
      if (isAnswer(account)) return account
      world.setActive(account, active)
      return done()
    },
    { onSocket: 'always' },
  ),
  signedIn(
    'PUT',
    '/users/{id}/roles',
    async (call, actor, world, [id = '']) => {
      if (!actor.mayManage) return forbidden()
      const account = targetUser(id, actor, world)
      if (isAnswer(account)) return account
      account.roles = textOf(await readObject(call), 'roles')
      world.accounts.touch(account)
      return done()
    },
    { onSocket: 'always' },
  ),
  signedIn(
    'PUT',
    '/users/{id}/auth',
    async (call, actor, world, [id = '']) => {
      if (!actor.mayManage) return forbidden()
      const account = targetUser(id, actor, world)
      return isAnswer(account) ? account : changeAuth(account, await readObject(call), world)
    },
    { onSocket: '11', trusting: true },
  ),
  signedIn('PUT', '/users/{id}/patch', async (call, actor, world, [id = '']) => {
    const account = targetOwnUser(id, actor, world, forbidden())
    if (isAnswer(account)) return account
    return patch(account, await readObject(call), actor, world)
  }),
  signedIn('PUT', '/users/{id}/password', async (call, actor, world, [id = '']) => {
    const account = targetOwnUser(id, actor, world, forbidden())
    if (isAnswer(account)) return account
    const wanted = await readObject(call)
    const own = account.id === actor.account?.id
    if (own && textOf(wanted, 'current_password') !== account.password) {
      return appError(400, 'api.user.update_password.incorrect.app_error')
    }
    const password = textOf(wanted, 'new_password')
    const problem = passwordProblem(password, world)
    if (problem !== null) return problem
    account.password = password
    return done()
  }),
  signedIn(
    'POST',
    '/users/{id}/reset_failed_attempts',
    (_call, actor, world, [id = '']) => {
      if (!actor.mayManage) return forbidden()
      const account = targetUser(id, actor, world)
      if (isAnswer(account)) return account
      account.failedAttempts = 0
      return done()
    },
    { generation: '11' },
  ),
  open('POST', '/users/password/reset/send', async (call, _actor, world) => {
    const account = world.accounts.byEmail(textOf(await readObject(call), 'email'))
    const foreign = account !== undefined && account.authService !== ''
    return foreign ? appError(400, 'api.user.send_password_reset.sso.app_error') : done()
  }),
  signedIn('DELETE', '/users/{id}/status/custom', () => done()),
]

function changeAuth(account: Account, wanted: Record<string, unknown>, world: World): Answer {
  const [authService, authData] = [textOf(wanted, 'auth_service'), textOf(wanted, 'auth_data')]
  if (authData === '' || authService === '') return appError(400, 'api.user.update_user_auth.invalid_request')
  const holder = world.accounts.byAuthData(authData)
  if (holder !== undefined && holder.id !== account.id) {
    return appError(400, 'app.user.update_auth_data.email_exists.app_error')
  }
  Object.assign(account, { authService, authData, password: null })
  world.accounts.touch(account)
  return json({ auth_data: authData, auth_service: authService })
}

function patch(account: Account, wanted: Record<string, unknown>, actor: Actor, world: World): Answer {
  const email = textOf(wanted, 'email').toLowerCase()
  if (email !== '' && email !== account.email) {
    const known = actor.mayManage || textOf(wanted, 'password') === account.password
    if (!known || !isEmail(email)) return invalidBodyParam()
    account.email = email
  }
  const username = textOf(wanted, 'username').toLowerCase()
  if (username !== '' && username !== account.username) {
    if (!isUsername(username)) return appError(400, 'model.user.is_valid.username.app_error')
    const taken = world.accounts.byUsername(username) !== undefined
    if (taken) return appError(400, 'app.user.save.username_exists.app_error')
    account.username = username
    account.lastPictureUpdate = -world.clock.now()
  }
  const nickname = wanted['nickname']
  if (typeof nickname === 'string') {
    if (nickname.length > 64) return appError(400, 'model.user.is_valid.nickname.app_error')
    account.nickname = nickname
  }
  world.accounts.touch(account)
  return json(userJson(account, 'self', world.traits))
}
