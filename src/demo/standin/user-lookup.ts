import type { Account } from './accounts.js'
import { appError, invalidBodyParam, invalidUrlParam, isAnswer, json, missingAccount } from './answer.js'
import { readJson } from './call.js'
import { type Route, signedIn } from './route.js'
import { targetUser } from './target-user.js'
import { userAnswer, userJson, viewerOf } from './user-json.js'
import { isEmail } from './user-rules.js'

const onSocket = { onSocket: 'always' } as const

/** Rules 36 to 38. */
export const userLookupRoutes: readonly Route[] = [
  signedIn(
    'GET',
    '/users/email/{anything}',
    (call, actor, world, [email = '']) => {
      if (!isEmail(email)) return invalidUrlParam()
      if (!world.settings.showEmailAddress && !actor.mayManage) {
        return appError(403, 'api.user.get_user_by_email.permissions.app_error')
      }
      const account = world.accounts.byEmail(email)
      return account === undefined ? missingAccount() : userAnswer(call, actor, account, world)
    },
    onSocket,
  ),
  signedIn(
    'GET',
    '/users/username/{name}',
    (call, actor, world, [username = '']) => {
      if (/[A-Z]/.test(username)) return invalidBodyParam()
      const account = world.accounts.byUsername(username)
      if (account === undefined) return appError(404, 'app.user.get_by_username.app_error')
      return userAnswer(call, actor, account, world)
    },
    onSocket,
  ),
  signedIn(
    'GET',
    '/users/{id}',
    (call, actor, world, [id = '']) => {
      const account = targetUser(id, actor, world)
      return isAnswer(account) ? account : userAnswer(call, actor, account, world)
    },
    onSocket,
  ),
  signedIn('POST', '/users/usernames', async (call, actor, world) => {
    const named = (await readTexts(call)).map((name) => world.accounts.byUsername(name))
    return json(named.filter(isThere).map((found) => userJson(found, viewerOf(actor, found), world.traits)))
  }),
  signedIn('POST', '/users/ids', async (call, actor, world) => {
    const named = (await readTexts(call)).map((id) => world.accounts.byId(id))
    return json(named.filter(isThere).map((found) => userJson(found, viewerOf(actor, found), world.traits)))
  }),
]

async function readTexts(call: Parameters<typeof readJson>[0]): Promise<string[]> {
  const value = await readJson(call)
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function isThere(account: Account | undefined): account is Account {
  return account !== undefined
}
