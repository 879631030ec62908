import { type Answer, appError, plainNotFound } from './answer.js'
import type { Call } from './call.js'
import { contentAnswer } from './content-answer.js'
import type { World } from './world.js'

const shell = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Mattermost</title><script src="/static/main.0123456789.js" defer></script></head>
<body><div id="root">Mattermost (stand-in)</div></body>
</html>
`
const scriptPath = '/static/main.0123456789.js'
// The web app asks for the user at start only if this cookie is there.
const script = `document.title = /(^|; )MMUSERID=/.test(document.cookie) ? 'Mattermost' : 'Mattermost - log in'\n`
const installedAt = Date.UTC(2026, 0, 1)
const year = 'max-age=31556926, public'

/** Everything that is neither API nor plugin: rules 56 and 57. */
export function pageAnswer(call: Call, world: World): Answer {
  const { method, path } = call
  if (path.startsWith('/static/')) return staticFile(call)
  if (path.startsWith('/hooks/') && method === 'POST') return incomingHook()
  if (/^\/oauth\/(gitlab|google|office365|openid)\/login$/.test(path) && method === 'GET')
    return signInIsOff()
  if (method !== 'GET' && !(method === 'HEAD' && world.traits.pageHead === 200)) return wrongMethod(world)
  if (path === '/robots.txt') {
    const headers = { 'Content-Type': 'text/plain; charset=utf-8' }
    return { status: 200, headers, body: 'User-agent: *\nDisallow: /\n', routed: 'bare' }
  }
  return shellPage(world)
}

/** A path below another version of the API: rule 3's 404, answered by the web side. */
export function unknownApiVersion(world: World): Answer {
  const { traits } = world
  const headers = { 'Content-Security-Policy': traits.pagePolicy, 'X-Frame-Options': 'SAMEORIGIN' }
  return {
    ...appError(404, 'api.context.404.app_error', { ...headers, 'Content-Type': traits.notFoundType }),
    routed: 'page',
  }
}

function shellPage({ traits }: World): Answer {
  const asFile = { 'Accept-Ranges': 'bytes', 'Last-Modified': new Date(installedAt).toUTCString() }
  const headers = {
    'Cache-Control': `no-cache, ${year}`,
    'Content-Security-Policy': traits.pagePolicy,
    'Content-Type': traits.pageType,
    'X-Frame-Options': 'SAMEORIGIN',
    ...(traits.pageIsFile ? asFile : {}),
  }
  return { status: 200, headers, body: shell, routed: 'page' }
}

function wrongMethod({ traits }: World): Answer {
  if (traits.pageWrongMethod === 404) return plainNotFound()
  return { status: 405, headers: {}, body: '', routed: 'bare' }
}

function staticFile(call: Call): Answer {
  if (call.path !== scriptPath) return plainNotFound('file', { 'Cache-Control': 'no-cache, public' })
  return contentAnswer(call, {
    bytes: Buffer.from(script),
    type: 'text/javascript; charset=utf-8',
    modifiedAt: installedAt,
    headers: { 'Cache-Control': year },
    routed: 'file',
    dropsCachingOnError: false,
  })
}

/** Every hook is known here: it stands for a web hook that somebody has set up. */
function incomingHook(): Answer {
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: 'ok', routed: 'api' }
}

function signInIsOff(): Answer {
  const target = '/error?message=SSO+through+OAuth+2.0+not+available+on+this+server.&s=signature'
  const body = `<!DOCTYPE html><html><head></head>\n<body><noscript><meta http-equiv="refresh" content="0; url=${target}"></noscript>\n<a href="${target}">...</a>\n</body></html>\n`
  return { status: 501, headers: { 'Content-Type': 'text/html' }, body, routed: 'api' }
}
