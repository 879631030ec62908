import type { Allowed, Forwarding } from '../../src/gate/decision.js'
import type { ReadRequest } from '../../src/intake/facts.js'
import type { UpstreamSession } from '../../src/mattermost/sign-in.js'

/** A decision as the gate makes it for a signed-in user, with what a test wants otherwise. */
export function allowedRequest(
  options: {
    readonly method?: string
    readonly target?: string
    readonly clientIp?: string | null
    readonly forwarding?: Partial<Forwarding>
  } = {},
): Allowed {
  return {
    allowed: true,
    requestId: 'ybndrfg8ejkmcpqxot1uwisza3',
    request: readRequest(options.method ?? 'GET', options.target ?? '/', options.clientIp ?? null),
    certificate: null,
    identity: null,
    user: null,
    forwarding: { ...untouched, ...options.forwarding },
  }
}

/** Nothing injected, nothing removed. */
export const untouched: Forwarding = {
  session: null,
  removeAuthorization: false,
  removeCredentials: false,
  removeAnswerCredentials: false,
  makePrivate: false,
  addCookies: [],
}

/** Access-token mode: the gateway owns every credential. */
export const owned: Forwarding = {
  session: null,
  removeAuthorization: true,
  removeCredentials: true,
  removeAnswerCredentials: true,
  makePrivate: true,
  addCookies: [],
}

/** A session that injects `Bearer TOKEN`; what `condemn` says is the test's to choose. */
export function session(token: string, condemn: UpstreamSession['condemn'] = accepted): UpstreamSession {
  const made: UpstreamSession = {
    userId: 'user',
    authorization: () => `Bearer ${token}`,
    condemn,
    prove: () => Promise.resolve(made),
  }
  return made
}

function accepted(): Promise<'accepted'> {
  return Promise.resolve('accepted')
}

function readRequest(method: string, target: string, clientIp: string | null): ReadRequest {
  const mark = target.indexOf('?')
  const raw = mark === -1 ? target : target.slice(0, mark)
  return {
    method,
    path: { decoded: decodeOrKeep(raw), raw, query: mark === -1 ? null : target.slice(mark + 1) },
    headers: { cookie: [], authorization: null, proxyRefusal: null },
    route: { path: '*', certificate: 'required', authorization: 'remove', websocket: false },
    upgrade: null,
    navigation: false,
    clientIp,
    peer: 'unix',
    certificate: null,
    refusal: null,
  }
}

function decodeOrKeep(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_escape, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}
