import type { Session } from '../../../src/demo/standin/sessions.js'
import type { Run } from './run.js'

type Act = (run: Run) => void | Promise<void>

/** What the recorder did without recording it, before a step: `scenario#step`. */
export const actsBefore: Readonly<Record<string, Act>> = {
  'paths/equivalence#0': set({ echoPlugin: false }),
  'web/pages#0': set({ echoPlugin: false }),
  'login/cookie-domain#0': set({ allowCookiesForSubdomains: true, siteUrl: 'https://chat.example.com' }),
  'login/lock-out#0': async ({ standin }) => {
    for (let guess = 0; guess < 10; guess += 1) {
      const body = JSON.stringify({ login_id: 'frank', password: 'wrong' })
      await fetch(`${standin.url}/api/v4/users/login`, { method: 'POST', body })
    }
  },
  'csrf/strict#0': set({ experimentalStrictCsrfEnforcement: true }),
  'pat/self-with-role#4': ({ asAdministrator, known }) =>
    ignore(asAdministrator('PUT', `/users/${known.valueOf('<ID:bob>')}/roles`, { roles: 'system_user' })),
  'pat/survives#4': ({ standin, known }) => {
    const token = known.valueOf('<PAT:dave:19>')
    known.bind('<ID:other-7>', sessionOf(standin.user('dave').sessions, token).id)
  },
  'pat/disabled-by-setting#0': async (run) => {
    // Its session is made now, and found again by the step that asks for a cached one.
    const headers = { authorization: `Bearer ${run.known.valueOf('<PAT:alice:20>')}` }
    await fetch(`${run.standin.url}/api/v4/users/me`, { headers })
    run.standin.setUserAccessTokens(false)
  },
  'pat/disabled-by-setting#3': ({ standin, asAdministrator }) =>
    ignore(asAdministrator('POST', `/users/${standin.user('alice').id}/sessions/revoke/all`, {})),
  'pat/disabled-by-setting#6': ({ standin }) => standin.setUserAccessTokens(true),
  'users/lookup#33': ({ standin, known }) => readEtag('<SESSION:admin:13>', standin.url, known),
  'users/privacy#0': set({ showEmailAddress: false }),
  'users/create-closed#0': set({ enableOpenServer: false }),
  'users/create-closed#4': set({ restrictCreationToDomains: 'example.org' }),
  'sessions/list-and-revoke#7': ({ standin, known }) => {
    const headers = { authorization: `Bearer ${known.valueOf('<SESSION:bob:20>')}` }
    return ignore(fetch(`${standin.url}/api/v4/users/logout`, { method: 'POST', headers }))
  },
  'sessions/idle-and-expiry#0': ({ standin, known }) => {
    sessionOf(standin.user('alice').sessions, known.valueOf('<SESSION:alice:26>')).expiresAt = 0
  },
  'websocket/origin-site-url#0': set({ siteUrl: 'https://chat.example.com' }),
  'websocket/origin-site-url#7': set({ siteUrl: '' }),
  'websocket/origin-cors#0': set({ allowCorsFrom: 'https://chat.example.com' }),
  'websocket/ends#4': ({ standin, known }) =>
    known.bind('<SESSION:bob:37>', standin.openSession('bob').token),
  'websocket/ends#6': ({ standin }) => standin.activate('bob'),
  'websocket/ends#7': ({ standin }) => standin.setUserAccessTokens(true),
  'websocket/ends-later#4': ({ standin }) => standin.activate('dave'),
  'files/upload-and-download#18': ({ standin, known }) => readEtag('<PAT:alice:44>', standin.url, known),
  'files/limits#0': set({ maxFileSizeBytes: 1_048_576 }),
}

/** What the recorder did while a socket was open. */
export const actsDuring: Readonly<Record<string, Act>> = {
  'websocket/ends#0': token('revoke', '<PAT-ID:bob:34>'),
  'websocket/ends#1': token('disable', '<PAT-ID:bob:35>'),
  'websocket/ends#2': logOut('<SESSION:bob:35>'),
  'websocket/ends#3': ({ asAdministrator, standin }) =>
    ignore(asAdministrator('POST', `/users/${standin.user('bob').id}/sessions/revoke/all`, {})),
  'websocket/ends#5': ({ standin }) => standin.deactivate('bob'),
  'websocket/ends#4': ({ standin, known }) =>
    known.bind('<SESSION:bob:37>', standin.openSession('bob').token),
  'websocket/ends#6': ({ standin }) => standin.setUserAccessTokens(false),
  'websocket/ends-later#0': token('revoke', '<PAT-ID:bob:38>'),
  'websocket/ends-later#1': token('disable', '<PAT-ID:alice:39>'),
  'websocket/ends-later#2': logOut('<SESSION:admin:38>'),
  'websocket/ends-later#3': ({ standin }) => standin.deactivate('dave'),
  'websocket/revoked-token-events#0': token('revoke', '<PAT-ID:alice:42>'),
}

/** Sockets of which the recording does not show when the act was done: after the first frame. */
export const actsAfterHello: ReadonlySet<string> = new Set(['websocket/revoked-token-events#0'])

/** Sockets that stay open while the steps after them are played. */
export const alongside: ReadonlySet<string> = new Set(['users/active#0', 'users/active#1'])

function set(wanted: Partial<Run['standin']['settings']>): Act {
  return ({ standin }) => void Object.assign(standin.settings, wanted)
}

function token(act: 'revoke' | 'disable', id: string): Act {
  return ({ asAdministrator, known }) =>
    ignore(asAdministrator('POST', `/users/tokens/${act}`, { token_id: known.valueOf(id) }))
}

function logOut(session: string): Act {
  return ({ standin, known }) => {
    const headers = { authorization: `Bearer ${known.valueOf(session)}` }
    return ignore(fetch(`${standin.url}/api/v4/users/logout`, { method: 'POST', headers }))
  }
}

/** A later If-None-Match must be the ETag of now: its time stands behind this placeholder. */
async function readEtag(credential: string, url: string, known: Run['known']): Promise<void> {
  const headers = { authorization: `Bearer ${known.valueOf(credential)}` }
  const answer = await fetch(`${url}/api/v4/users/${known.valueOf('<ID:alice>')}`, { headers })
  known.bind('<MS>', /\.(\d+)\.\./.exec(answer.headers.get('etag') ?? '')?.[1] ?? '')
}

function sessionOf(sessions: readonly Session[], token: string): Session {
  const found = sessions.find((session) => session.token === token)
  if (found === undefined) throw new Error('no such session')
  return found
}

async function ignore(promise: Promise<unknown>): Promise<void> {
  await promise
}
