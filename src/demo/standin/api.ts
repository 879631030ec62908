import { isAdministrator } from './accounts.js'
import { type Answer, appError, clearedTokenCookie, isAnswer, sessionExpired } from './answer.js'
import type { Actor, Call } from './call.js'
import { credentialOfApi } from './credentials.js'
import { passesCsrf } from './csrf.js'
import { fileRoutes } from './file-routes.js'
import { postRoutes } from './post-routes.js'
import type { Route } from './route.js'
import { sessionRoutes } from './session-routes.js'
import { signInRoutes } from './sign-in-routes.js'
import { systemRoutes } from './system-routes.js'
import { teamRoutes } from './team-routes.js'
import { tokenRoutes } from './token-routes.js'
import { userChangeRoutes } from './user-changes.js'
import { userCreationRoutes } from './user-creation.js'
import { userLookupRoutes } from './user-lookup.js'
import type { World } from './world.js'

// Longer paths stand before shorter ones that would match them as an id.
const routes: readonly Route[] = [
  ...systemRoutes,
  ...signInRoutes,
  ...tokenRoutes,
  ...sessionRoutes,
  ...teamRoutes,
  ...userCreationRoutes,
  ...userChangeRoutes,
  ...userLookupRoutes,
  ...fileRoutes,
  ...postRoutes,
]

/** Answers a path below /api/v4, the websocket excepted. */
export async function apiAnswer(call: Call, world: World): Promise<Answer> {
  const found = findRoute(call, world)
  if (found === null) return notFound(world)
  const { route, params } = found
  const actor = call.local ? localActor : identify(call, world, route)
  if (actor !== null && isAnswer(actor)) return actor
  if (actor === null && route.session === 'required') return sessionExpired(false)
  if (await exceedsJsonLimit(call, world))
    return appError(413, 'api.context.request_body_too_large.app_error')
  if (route.session === 'none') return route.handle(call, actor, world, params)
  return actor === null ? sessionExpired(false) : route.handle(call, actor, world, params)
}

const localActor: Actor = { account: null, session: null, mayManage: true }

/** Rule 3. The text quotes the path; neither a request id nor a header of rule 1 comes with it. */
export function notFound(world: World): Answer {
  const answer = appError(404, 'api.context.404.app_error', { 'Content-Type': world.traits.notFoundType })
  return { ...answer, routed: 'bare' }
}

function findRoute(call: Call, world: World): { route: Route; params: string[] } | null {
  for (const route of routes) {
    if (route.method !== call.method || !answersHere(route, call, world)) continue
    const found = route.pattern.exec(call.path)
    if (found !== null) return { route, params: found.slice(1) }
  }
  return null
}

function answersHere(route: Route, call: Call, { traits }: World): boolean {
  if (route.generation !== null && route.generation !== traits.generation) return false
  return !call.local || route.onSocket === 'always' || route.onSocket === traits.generation
}

/** Rules 12 to 19: who asks; null: nobody; an answer: refused. */
export function identify(
  call: Call,
  world: World,
  route: Pick<Route, 'session' | 'trusting'>,
): Actor | null | Answer {
  const presented = credentialOfApi(call.headers, call.query)
  if (presented === null || presented.token === '') return null
  const session = world.sessionOf(presented.token)
  const account = session === null ? undefined : world.accounts.byId(session.userId)
  if (session === null || account === undefined)
    return route.session === 'required' ? sessionExpired(true) : null
  if (presented.place === 'query') return appError(401, 'api.context.token_provided.app_error')
  const guarded = presented.place === 'cookie' && call.method !== 'GET' && !route.trusting
  if (guarded && !passesCsrf(session, call.headers, world.settings.experimentalStrictCsrfEnforcement)) {
    const clear = world.traits.clearsCookieOnFailedCsrf ? { 'Set-Cookie': clearedTokenCookie } : {}
    return appError(401, 'api.context.session_expired.app_error', clear)
  }
  const barred = session.accessTokenId !== null && !world.settings.enableUserAccessTokens && !account.isBot
  if (barred && route.session === 'required') return sessionExpired(false)
  return { account, session, mayManage: isAdministrator(account) }
}

async function exceedsJsonLimit(call: Call, world: World): Promise<boolean> {
  const isJson = call.headers['content-type']?.startsWith('application/json') === true
  return isJson && (await call.readBody()).length > world.traits.maxJsonBytes
}
