import { Fault, type FaultCode } from '../core/faults.js'

/**
 * Mattermost answered, and not as asked. `id` is its error id (contract rule 2: decide by it, never by
 * the message); null where the answer was not in Mattermost's error shape.
 */
export class ApiFault extends Fault {
  readonly status: number
  readonly id: string | null

  constructor(operation: string, status: number, id: string | null, retryAfter: string | null = null) {
    super(codeOf(status), messageOf(operation, status, id, retryAfter))
    this.name = 'ApiFault'
    this.status = status
    this.id = id
  }
}

function codeOf(status: number): FaultCode {
  if (status === 401 || status === 403) return 'ERR_MATTERMOST_CREDENTIAL'
  const busy = status === 429 || status === 502 || status === 503 || status === 504
  return busy ? 'ERR_MATTERMOST_UNREACHABLE' : 'ERR_MATTERMOST_ANSWER'
}

function messageOf(operation: string, status: number, id: string | null, retryAfter: string | null): string {
  const what = `${operation}: Mattermost answered ${status}${id === null ? '' : ` ${id}`}`
  if (status === 401 || status === 403) {
    return `${what}: the credential in mattermost.admin is not that of a system administrator or no longer valid, or personal access tokens are switched off (System Console > Integrations)`
  }
  if (status === 429) {
    return `${what}: its rate limit${retryAfter === null ? '' : `, for ${retryAfter} s`}; RateLimitSettings.TrustedProxyIPHeader keeps users from sharing one bucket`
  }
  return status >= 300 && status < 400 ? `${what}, a redirect: is mattermost.url its own address?` : what
}
