import type { Account } from './accounts.js'
import { type Answer, appError, clearedTokenCookie, done, json } from './answer.js'
import { type Call, readObject, textOf } from './call.js'
import { cookieValue } from './credentials.js'
import { open, type Route } from './route.js'
import type { Session } from './sessions.js'
import { userJson } from './user-json.js'
import type { World } from './world.js'

const maxAttempts = 10

/** Rules 21 to 26. */
export const signInRoutes: readonly Route[] = [
  open('POST', '/users/login', async (call, _actor, world) => {
    const wanted = await readObject(call)
    const checked = checkPassword(wanted, world)
    if ('routed' in checked) return checked
    const session = world.sessions.open(checked.id)
    const cookies =
      call.headers['x-requested-with'] === 'XMLHttpRequest' ? signInCookies(call, session, world) : []
    const headers = { Token: session.token, ...(cookies.length > 0 ? { 'Set-Cookie': cookies } : {}) }
    return json(userJson(checked, 'self', world.traits), 200, headers)
  }),
  open('POST', '/users/logout', (_call, actor, world) => {
    if (actor?.session) world.sessions.end(actor.session)
    return done({ 'Set-Cookie': clearedTokenCookie })
  }),
]

function checkPassword(wanted: Record<string, unknown>, world: World): Account | Answer {
  const invalid = appError(401, 'api.user.login.invalid_credentials_email_username')
  const byMagicLink = world.traits.generation === '11' && textOf(wanted, 'magic_link_token') !== ''
  if (byMagicLink) return invalid
  const password = textOf(wanted, 'password')
  if (password === '') return appError(400, 'api.user.login.blank_pwd.app_error')
  const account = world.accounts.byLoginId(textOf(wanted, 'login_id'))
  if (account === undefined) return invalid
  if (account.isBot) return appError(401, 'api.user.login.bot_login_forbidden.app_error')
  if (account.deleteAt !== 0) return appError(401, 'api.user.login.inactive.app_error')
  if (account.failedAttempts >= maxAttempts) {
    return appError(401, 'api.user.check_user_login_attempts.too_many.app_error')
  }
  if (account.password === null) return invalid
  if (account.password !== password) {
    account.failedAttempts += 1
    return invalid
  }
  account.failedAttempts = 0
  return account
}

function signInCookies(call: Call, session: Session, world: World): string[] {
  const { settings, traits } = world
  const secure = call.headers['x-forwarded-proto'] === 'https'
  const embedded = traits.sameSiteForEmbedding && cookieValue(call.headers.cookie, 'MMEMBED') === '1'
  const domain = settings.allowCookiesForSubdomains ? `; Domain=${new URL(settings.siteUrl).hostname}` : ''
  const expires = new Date(session.expiresAt).toUTCString()
  const lead = `; Path=/${domain}; Expires=${expires}; Max-Age=15552000`
  const end = `${secure ? '; Secure' : ''}${embedded ? '; SameSite=None' : ''}`
  return [
    `MMAUTHTOKEN=${session.token}${lead}; HttpOnly${end}`,
    `MMUSERID=${session.userId}${lead}${end}`,
    `MMCSRF=${session.csrf}${lead}${end}`,
  ]
}
