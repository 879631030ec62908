/** What of Mattermost answers at a path (contract rules 12, 53 and 56 treat them differently). */
export type PathKind = 'websocket' | 'api' | 'plugin' | 'static' | 'page'

/** The decoded path, as Mattermost matches it: with regard to case, `%2F` decoded (contract rule 8). */
export function classifyPath(decodedPath: string): PathKind {
  if (isApi(decodedPath)) return isWebsocket(decodedPath) ? 'websocket' : 'api'
  if (decodedPath.startsWith('/plugins/')) return 'plugin'
  return decodedPath.startsWith('/static/') ? 'static' : 'page'
}

export function isApi(decodedPath: string): boolean {
  return decodedPath.startsWith('/api/')
}

/** Mattermost's own websocket, the older ones that its nginx guide names, and plugins. */
export function takesUpgrade(decodedPath: string): boolean {
  return decodedPath.startsWith('/plugins/') || (isApi(decodedPath) && isWebsocket(decodedPath))
}

/** `/api/v[0-9]+/(users/)?websocket` of the guide, with or without a trailing slash (contract, Websocket). */
function isWebsocket(apiPath: string): boolean {
  const slash = apiPath.indexOf('websocket')
  if (slash === -1) return false
  return /^\/api\/v[0-9]+\/(?:users\/)?websocket\/?$/.test(apiPath)
}

const logoutPath = '/api/v4/users/logout'

export function isLogout(method: string, decodedPath: string): boolean {
  return method === 'POST' && decodedPath.startsWith(logoutPath) && trimmed(decodedPath) === logoutPath
}

/**
 * Whether a path is closed while the gateway owns every credential: what signs in otherwise, what makes
 * an account, and what makes or changes a credential. Cheap for the paths that are not.
 */
export function isClosed(method: string, decodedPath: string): boolean {
  if (decodedPath.startsWith('/api/')) return isClosedApi(method, trimmed(decodedPath))
  if (decodedPath.startsWith('/oauth/')) return isClosedProvider(trimmed(decodedPath))
  if (decodedPath.startsWith('/login/')) {
    return decodedPath.startsWith('/login/sso/') || trimmed(decodedPath).endsWith('/complete')
  }
  return decodedPath.startsWith('/signup/') && trimmed(decodedPath).endsWith('/complete')
}

const usersPath = '/api/v4/users'

function isClosedApi(method: string, path: string): boolean {
  if (!path.startsWith(usersPath)) return isOldProviderAnswer(path)
  if (path.length === usersPath.length) return method === 'POST'
  if (path.charAt(usersPath.length) !== '/') return false
  const below = path.slice(usersPath.length + 1)
  if (below.startsWith('login') || below.startsWith('password/')) return true
  if (below === 'tokens/enable') return true
  // Look-ups by name, of somebody who may be called `password`: no id is one of these words.
  if (below.startsWith('username/') || below.startsWith('email/')) return false
  return isClosedForUser(method, below.slice(below.indexOf('/') + 1))
}

/** What stands behind `/api/v4/users/{id}/`. */
function isClosedForUser(method: string, resource: string): boolean {
  if (resource === 'tokens') return method === 'POST'
  return resource === 'password' || resource === 'auth' || resource.startsWith('mfa')
}

const providers = ['/oauth/gitlab/', '/oauth/google/', '/oauth/office365/', '/oauth/openid/']

function isClosedProvider(path: string): boolean {
  return path === '/oauth/intune' || providers.some((prefix) => path.startsWith(prefix))
}

/** The oldest address of a provider's answer, which Mattermost still serves (its web/oauth.go). */
function isOldProviderAnswer(path: string): boolean {
  return path.startsWith('/api/v3/oauth/') && path.endsWith('/complete')
}

function trimmed(path: string): string {
  let end = path.length
  while (end > 1 && path.charAt(end - 1) === '/') end -= 1
  return end === path.length ? path : path.slice(0, end)
}
