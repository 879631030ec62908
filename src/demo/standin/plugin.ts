import { type Answer, json, plainNotFound } from './answer.js'
import type { Call } from './call.js'
import { credentialOfPlugin, type Presented } from './credentials.js'
import { passesCsrf } from './csrf.js'
import type { Session } from './sessions.js'
import type { World } from './world.js'

export const pluginSocketPath = '/plugins/echo/ws'
const removedHeaders = [
  'host',
  'mattermost-user-id',
  'mattermost-plugin-id',
  'referer',
  'cookie',
  'authorization',
]

/**
 * The plugin `echo` answers with what it was handed (rules 52 to 55): method, path, query, body, and the
 * headers, of which `Mattermost-User-Id` says who is signed in.
 */
export async function pluginAnswer(call: Call, world: World): Promise<Answer> {
  const found = /^\/plugins\/echo(\/.*)?$/.exec(call.path)
  const path = found?.[1] ?? ''
  if (found === null || !world.settings.echoPlugin || path.startsWith('/public/')) return plainNotFound()
  const body = await call.readBody()
  const presented = credentialOfPlugin(call.headers, call.query)
  const session = sessionOfPlugin(call, world, presented, body)
  const query = new URLSearchParams(call.query)
  query.delete('access_token')
  const seen = {
    body: body.toString('utf8'),
    headers: handedHeaders(call, session, presented),
    host: call.headers.host ?? '',
    ip: call.peer.address,
    method: call.method,
    path,
    query: query.toString(),
    remote: `${call.peer.address}:${call.peer.port}`,
    session_id: session?.id ?? '',
  }
  return { ...json(seen, 200, { 'Set-Cookie': ['fromplugin=1; Path=/'] }), routed: 'bare' }
}

/** Who a plugin is told is calling; a cookie that fails the CSRF rule is nobody (rule 54). */
function sessionOfPlugin(
  call: Call,
  world: World,
  presented: Presented | null,
  body: Buffer,
): Session | null {
  if (presented === null || presented.token === '') return null
  const session = world.sessionOf(presented.token)
  if (session === null || presented.place !== 'cookie' || call.method === 'GET') return session
  const strict = world.settings.experimentalStrictCsrfEnforcement
  const isForm = call.headers['content-type'] === 'application/x-www-form-urlencoded'
  const field = isForm ? new URLSearchParams(body.toString('utf8')).get('csrf') : null
  return field === session.csrf || passesCsrf(session, call.headers, strict) ? session : null
}

function handedHeaders(
  call: Call,
  session: Session | null,
  presented: Presented | null,
): Record<string, string[]> {
  const handed: Record<string, string[]> = {}
  const add = (name: string, value: string) => (handed[canonical(name)] ??= []).push(value)
  for (let at = 0; at + 1 < call.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = call.rawHeaders.slice(at, at + 2)
    if (!removedHeaders.includes(name.toLowerCase())) add(name, value)
  }
  const cookies = (call.headers.cookie ?? '').split(';').map((pair) => pair.trim())
  const kept = cookies.filter((pair) => pair !== '' && !pair.startsWith('MMAUTHTOKEN='))
  if (kept.length > 0) add('Cookie', kept.join('; '))
  const known = session !== null && presented?.place === 'header'
  if (call.headers.authorization !== undefined && !known) add('Authorization', call.headers.authorization)
  if (session !== null) add('Mattermost-User-Id', session.userId)
  return handed
}

/** A header's name as Go writes it: `x-custom` → `X-Custom`. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
}
