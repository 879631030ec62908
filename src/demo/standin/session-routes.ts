import { appError, done, forbidden, invalidUrlParam, isAnswer, json } from './answer.js'
import { readObject, textOf } from './call.js'
import { type Route, signedIn } from './route.js'
import type { Session } from './sessions.js'
import { targetOwnUser } from './target-user.js'
import { memberJson } from './team-routes.js'
import type { World } from './world.js'

/** Rule 47. None of these is on the socket. */
export const sessionRoutes: readonly Route[] = [
  signedIn('POST', '/users/sessions/revoke/all', (_call, actor, world) => {
    if (!actor.mayManage) return forbidden()
    world.sessions.endAll()
    return done()
  }),
  signedIn('GET', '/users/{id}/sessions', (_call, actor, world, [id = '']) => {
    const account = targetOwnUser(id, actor, world, forbidden())
    if (isAnswer(account)) return account
    return json(world.sessions.ofUser(account.id).map((session) => sessionJson(session, world)))
  }),
  signedIn('POST', '/users/{id}/sessions/revoke', async (call, actor, world, [id = '']) => {
    const account = targetOwnUser(id, actor, world, forbidden())
    if (isAnswer(account)) return account
    const session = world.sessions.byId(textOf(await readObject(call), 'session_id'))
    if (session === undefined) return appError(400, 'app.session.get.app_error')
    if (session.userId !== account.id) return invalidUrlParam()
    world.sessions.end(session)
    return done()
  }),
  signedIn('POST', '/users/{id}/sessions/revoke/all', (_call, actor, world, [id = '']) => {
    const account = targetOwnUser(id, actor, world, forbidden())
    if (isAnswer(account)) return account
    world.sessions.endAllOf(account.id)
    return done()
  }),
]

const browserProps = {
  browser: 'Unknown/0.0',
  isMobile: 'false',
  isOAuthUser: 'false',
  isSaml: 'false',
  os: '',
  platform: 'Unknown',
}

function sessionJson(session: Session, world: World): object {
  const props =
    session.accessTokenId === null
      ? { ...browserProps, csrf: session.csrf, is_guest: 'false' }
      : { is_guest: 'false', type: 'UserAccessToken', user_access_token_id: session.accessTokenId }
  return {
    id: session.id,
    token: '',
    create_at: session.createAt,
    expires_at: session.expiresAt,
    last_activity_at: session.createAt,
    user_id: session.userId,
    device_id: '',
    roles: world.accounts.byId(session.userId)?.roles ?? '',
    is_oauth: false,
    expired_notify: false,
    props,
    team_members: world.teams.ofUser(session.userId).map((team) => memberJson(team, session.userId)),
    local: false,
  }
}
