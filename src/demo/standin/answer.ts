/** What a route answers. The headers of rule 1 are added by `write-answer.ts` where `routed` says so. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: Buffer | string
  /** `api`: rule 1 and `Expires` on GET; `page`: rule 1; `file`: no request id; `bare`: none of them. */
  readonly routed: 'api' | 'page' | 'file' | 'bare'
  /** Set: the body is Mattermost's error shape with this id (rule 2). */
  readonly errorId?: string
}

export const clearedTokenCookie = 'MMAUTHTOKEN=; Path=/; Max-Age=0; HttpOnly'

export function json(value: unknown, status = 200, headers: Answer['headers'] = {}): Answer {
  const all = { 'Content-Type': 'application/json', ...headers }
  return { status, headers: all, body: JSON.stringify(value), routed: 'api' }
}

export function done(headers: Answer['headers'] = {}): Answer {
  return json({ status: 'OK' }, 200, headers)
}

export function appError(status: number, errorId: string, headers: Answer['headers'] = {}): Answer {
  const all = { 'Content-Type': 'application/json', ...headers }
  return { status, headers: all, body: '', routed: 'api', errorId }
}

/** The one 401 of rule 14; `clear` where an invalid token was sent. */
export function sessionExpired(clear: boolean): Answer {
  return appError(
    401,
    'api.context.session_expired.app_error',
    clear ? { 'Set-Cookie': clearedTokenCookie } : {},
  )
}

export function forbidden(): Answer {
  return appError(403, 'api.context.permissions.app_error')
}

export function invalidUrlParam(): Answer {
  return appError(400, 'api.context.invalid_url_param.app_error')
}

export function invalidBodyParam(): Answer {
  return appError(400, 'api.context.invalid_body_param.app_error')
}

export function missingAccount(): Answer {
  return appError(404, 'app.user.missing_account.const')
}

/** Go's own answer where no route of the web side fits. */
export function plainNotFound(routed: Answer['routed'] = 'bare', headers: Answer['headers'] = {}): Answer {
  const all = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff', ...headers }
  return { status: 404, headers: all, body: '404 page not found\n', routed }
}

export function isAnswer(value: object): value is Answer {
  return 'routed' in value
}
