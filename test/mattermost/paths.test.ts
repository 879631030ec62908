import { test } from 'tap'
import { classifyPath, isApi, isClosed, isLogout, takesUpgrade } from '../../src/mattermost/paths.js'

const id = 'k1ajcs4wn3ya8gdt5obtfcy9hw'

test('knows what answers at a path', (t) => {
  const kinds = {
    '/api/v4/websocket': 'websocket',
    '/api/v4/websocket/': 'websocket',
    '/api/v3/users/websocket': 'websocket',
    '/api/v12/websocket': 'websocket',
    '/api/v4/websockets': 'api',
    '/api/v4/websocket/x': 'api',
    '/api/v4/plugins/websocket': 'api',
    '/api/v/websocket': 'api',
    '/api/v4/users/me': 'api',
    '/api/': 'api',
    '/API/v4/websocket': 'page',
    '/api': 'page',
    '/plugins/echo': 'plugin',
    '/plugins/echo/api/v4/websocket': 'plugin',
    '/plugins': 'page',
    '/static/main.js': 'static',
    '/staticfile': 'page',
    '/': 'page',
    '/staff/channels/town-square': 'page',
  }
  for (const [path, kind] of Object.entries(kinds)) {
    t.equal(classifyPath(path), kind, path)
    t.equal(takesUpgrade(path), kind === 'websocket' || kind === 'plugin', path)
    t.equal(isApi(path), kind === 'websocket' || kind === 'api', path)
  }
  t.end()
})

test('closes what signs in otherwise, and what makes accounts or credentials', (t) => {
  const anyMethod = [
    '/api/v4/users/login',
    '/api/v4/users/login/',
    '/api/v4/users/login/cws',
    '/api/v4/users/login/switch',
    '/api/v4/users/login/desktop_token',
    '/api/v4/users/login/sso/code-exchange',
    '/api/v4/users/tokens/enable',
    '/api/v4/users/password/reset',
    '/api/v4/users/password/reset/send/',
    `/api/v4/users/${id}/password`,
    '/api/v4/users/me/password/',
    `/api/v4/users/${id}/auth`,
    `/api/v4/users/${id}/mfa`,
    `/api/v4/users/${id}/mfa/generate`,
    '/oauth/gitlab/login',
    '/oauth/google/complete',
    '/oauth/office365/signup',
    '/oauth/openid/mobile_login',
    '/oauth/intune',
    '/oauth/intune/',
    '/signup/gitlab/complete',
    '/login/gitlab/complete',
    '/login/gitlab/complete/',
    '/login/sso/saml',
    '/api/v3/oauth/gitlab/complete',
  ]
  for (const path of anyMethod) {
    for (const method of ['GET', 'POST', 'PUT']) t.equal(isClosed(method, path), true, `${method} ${path}`)
  }
  const postOnly = [
    '/api/v4/users',
    '/api/v4/users/',
    `/api/v4/users/${id}/tokens`,
    '/api/v4/users/me/tokens/',
  ]
  for (const path of postOnly) {
    t.equal(isClosed('POST', path), true, path)
    t.equal(isClosed('GET', path), false, path)
  }
  t.end()
})

test('leaves open what the signed-in user needs', (t) => {
  const open = [
    '/api/v4/users/me',
    '/api/v4/users/logout',
    `/api/v4/users/${id}`,
    `/api/v4/users/${id}/image`,
    '/api/v4/users/tokens/disable',
    '/api/v4/users/tokens/revoke',
    '/api/v4/users/usernames',
    '/api/v4/users/username/mfa-team',
    '/api/v4/users/email/auth',
    '/api/v4/users/autocomplete',
    '/api/v4/usersx',
    '/api/v4/posts',
    '/api/v4/oauth/apps',
    '/oauth/authorize',
    '/oauth/access_token',
    '/login',
    '/signup/confirm',
    '/signup_email',
    '/plugins/echo/login/sso/saml',
    '/staff/login/sso/x',
  ]
  for (const path of open) t.equal(isClosed('POST', path), false, path)
  t.end()
})

test('knows the log-out', (t) => {
  t.equal(isLogout('POST', '/api/v4/users/logout'), true)
  t.equal(isLogout('POST', '/api/v4/users/logout/'), true)
  t.equal(isLogout('GET', '/api/v4/users/logout'), false)
  t.equal(isLogout('POST', '/api/v4/users/logout/x'), false)
  t.equal(isLogout('POST', '/api/v4/users/logouts'), false)
  t.end()
})
