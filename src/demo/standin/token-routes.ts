import type { AccessToken } from './access-tokens.js'
import type { Account } from './accounts.js'
import { type Answer, appError, done, forbidden, invalidBodyParam, isAnswer, json } from './answer.js'
import { type Actor, type Call, readObject, textOf } from './call.js'
import { type Route, signedIn } from './route.js'
import { targetUser } from './target-user.js'
import type { World } from './world.js'

const onSocket = { onSocket: 'always' } as const

/** Rules 27 to 30 and 34. */
export const tokenRoutes: readonly Route[] = [
  signedIn(
    'POST',
    '/users/tokens/revoke',
    (call, actor, world) => change(call, actor, world, 'revoke'),
    onSocket,
  ),
  signedIn('POST', '/users/tokens/disable', (call, actor, world) => change(call, actor, world, 'disable')),
  signedIn('POST', '/users/tokens/enable', (call, actor, world) => change(call, actor, world, 'enable')),
  signedIn('POST', '/users/tokens/search', async (call, actor, world) => {
    if (!actor.mayManage) return forbidden()
    const term = textOf(await readObject(call), 'term')
    const matches = (token: AccessToken) => ownerName(token, world).startsWith(term) || token.id === term
    return json(world.accessTokens.all().filter(matches).map(tokenJson))
  }),
  signedIn('GET', '/users/tokens', (call, actor, world) => {
    return actor.mayManage ? json(page(call, world.accessTokens.all()).map(tokenJson)) : forbidden()
  }),
  signedIn('GET', '/users/tokens/{id}', (_call, actor, world, [id = '']) => {
    const token = world.accessTokens.byId(id)
    if (token === undefined) return unknownToken()
    return mayHandle(actor, token.userId) ? json(tokenJson(token)) : forbidden()
  }),
  signedIn(
    'GET',
    '/users/{id}/tokens',
    (call, actor, world, [id = '']) => {
      const account = targetUser(id, actor, world)
      if (isAnswer(account)) return account
      if (!mayHandle(actor, account.id)) return forbidden()
      return json(page(call, world.accessTokens.ofUser(account.id)).map(tokenJson))
    },
    onSocket,
  ),
  signedIn(
    'POST',
    '/users/{id}/tokens',
    async (call, actor, world, [id = '']) => {
      const account = targetUser(id, actor, world)
      if (isAnswer(account)) return account
      return create(account, actor, world, textOf(await readObject(call), 'description'))
    },
    onSocket,
  ),
]

function create(account: Account, actor: Actor, world: World, description: string): Answer {
  if (!mayHandle(actor, account.id)) return forbidden()
  if (description === '') return invalidBodyParam()
  if (!world.settings.enableUserAccessTokens && !account.isBot) {
    return appError(501, 'app.user_access_token.disabled')
  }
  if (Buffer.byteLength(description) > 255) {
    return appError(400, 'model.user_access_token.is_valid.description.app_error')
  }
  const made = world.accessTokens.add(account.id, description)
  const { id, ...rest } = tokenJson(made)
  return json({ id, token: made.token, ...rest })
}

async function change(call: Call, actor: Actor, world: World, act: 'revoke' | 'disable' | 'enable') {
  const token = world.accessTokens.byId(textOf(await readObject(call), 'token_id'))
  if (token === undefined) return unknownToken()
  if (!mayHandle(actor, token.userId)) return forbidden()
  if (act === 'revoke') world.revoke(token)
  else token.isActive = act === 'enable'
  if (act === 'disable') world.dropSessionOf(token.token)
  return done()
}

function unknownToken(): Answer {
  return appError(404, 'app.user_access_token.get_by_user.app_error')
}

function mayHandle(actor: Actor, userId: string): boolean {
  const { account, mayManage } = actor
  if (mayManage || account === null) return mayManage
  return account.id === userId && account.roles.split(' ').includes('system_user_access_token')
}

function ownerName(token: AccessToken, world: World): string {
  return world.accounts.byId(token.userId)?.username ?? ''
}

function page<T>(call: Call, all: readonly T[]): T[] {
  const perPage = Number(call.query.get('per_page') ?? '60')
  const first = Number(call.query.get('page') ?? '0') * perPage
  return all.slice(first, first + perPage)
}

function tokenJson(token: AccessToken) {
  return { id: token.id, user_id: token.userId, description: token.description, is_active: token.isActive }
}
