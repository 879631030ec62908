import { type Answer, appError, forbidden, json } from './answer.js'
import type { Call } from './call.js'
import { clientConfig } from './client-config.js'
import { open, type Route, signedIn } from './route.js'
import type { World } from './world.js'

/** What clients ask before and beside everything else: rule 72, and the health check. */
export const systemRoutes: readonly Route[] = [
  open('GET', '/system/ping', ping, { onSocket: 'always' }),
  open('GET', '/config/client', (call, actor, world) => {
    if (world.traits.configNeedsFormat && call.query.get('format') !== 'old') {
      return appError(501, 'api.config.client.old_format.app_error')
    }
    return json(clientConfig(world, actor !== null))
  }),
  open('GET', '/license/client', () => json({ IsLicensed: 'false' })),
  open('GET', '/plugins/webapp', () => json([])),
  open('GET', '/brand/image', () => emptyNotFound()),
  open('POST', '/users/login/type', () => emptyNotFound(), { generation: '11' }),
  signedIn(
    'GET',
    '/config',
    (_call, actor, { settings }) => {
      if (!actor.mayManage) return forbidden()
      return json({
        ServiceSettings: {
          SiteURL: settings.siteUrl,
          EnableUserAccessTokens: settings.enableUserAccessTokens,
          AllowCorsFrom: settings.allowCorsFrom,
          TrustedProxyIPHeader: settings.trustedProxyIpHeader,
        },
        RateLimitSettings: { Enable: settings.rateLimit !== null },
      })
    },
    { onSocket: 'always' },
  ),
]

function ping(call: Call, _actor: unknown, world: World): Answer {
  const known =
    world.traits.generation === '11'
      ? { ActiveSearchBackend: 'database' }
      : { DesktopLatestVersion: '', DesktopMinVersion: '' }
  const versions = {
    AndroidLatestVersion: '',
    AndroidMinVersion: '',
    IosLatestVersion: '',
    IosMinVersion: '',
  }
  if (call.query.get('get_server_status') !== 'true') return json({ ...known, ...versions, status: 'OK' })
  const status = { database_status: 'OK', filestore_status: 'OK', status: 'OK' }
  return json({ ...known, ...versions, ...status }, 200, status)
}

function emptyNotFound(): Answer {
  return { status: 404, headers: { 'Content-Type': 'application/json' }, body: '', routed: 'api' }
}
