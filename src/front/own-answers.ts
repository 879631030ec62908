import { type CookieStyle, clearedUserCookie } from '../gate/browser-cookies.js'
import type { Allowed, Decision, Refused } from '../gate/decision.js'
import { whoamiPath } from '../gate/own-paths.js'
import { isLogout } from '../mattermost/paths.js'
import type { Answer } from '../pages/refusal-answer.js'
import { refusalAnswer } from '../pages/refusal-answer.js'
import { whoamiAnswer } from '../pages/whoami.js'

export interface OwnAnswersOptions {
  readonly ownsCredentials: boolean
  readonly cookieStyle: CookieStyle
}

/** What the gateway answers by itself: refusals, its own pages, the log-out. Null: it is forwarded. */
export function ownAnswer(decision: Decision, options: OwnAnswersOptions): Answer | null {
  if (decision.request.path.decoded === whoamiPath) return whoamiAnswer(decision)
  if (!decision.allowed) return answerTo(decision)
  const { method, path } = decision.request
  return options.ownsCredentials && isLogout(method, path.decoded)
    ? loggedOut(decision, options.cookieStyle)
    : null
}

/** A refusal in the form that its caller understands. */
export function answerTo(refused: Refused, retryAfterSeconds?: number): Answer {
  const { method, path, navigation } = refused.request
  const told = retryAfterSeconds === undefined ? refused : { ...refused, retryAfterSeconds }
  return refusalAnswer(told, { method, decodedPath: path.decoded, navigation })
}

/** Mattermost's own answer to a log-out (contract rule 26); the browser's MMUSERID goes with it. */
function loggedOut(decision: Allowed, style: CookieStyle): Answer {
  const body = JSON.stringify({ status: 'OK' })
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': String(body.length),
      'Cache-Control': 'no-store',
      'Set-Cookie': clearedUserCookie(style),
      'X-Request-Id': decision.requestId,
    },
    body,
  }
}
