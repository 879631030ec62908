import { type Answer, appError } from './answer.js'
import { apiAnswer, notFound } from './api.js'
import type { Call } from './call.js'
import { pageAnswer, unknownApiVersion } from './pages.js'
import { pluginAnswer } from './plugin.js'
import { refusedHandshake, websocketPath } from './websocket-handshake.js'
import type { World } from './world.js'

/** The answer to a request whose target was read; an upgrade that succeeds never comes here. */
export async function dispatch(call: Call, target: string, world: World): Promise<Answer> {
  const { path } = call
  const isApi = path.startsWith('/api/v4/')
  if (target.length > world.traits.maxTargetLength && (isApi || call.local)) {
    return {
      ...appError(414, 'basic_security_check.url.too_long_error', { Vary: 'Accept-Encoding' }),
      routed: 'bare',
    }
  }
  if (websocketPath.test(path) && call.method === 'GET' && !call.local) return refusedHandshake(call, world)
  if (isApi) return apiAnswer(call, world)
  if (call.local) return notFound(world)
  if (path.startsWith('/api/')) return unknownApiVersion(world)
  if (path.startsWith('/plugins/')) return pluginAnswer(call, world)
  return pageAnswer(call, world)
}
