import type { Config } from '../config/config.js'
import { ConfigError, formatIssue } from '../core/config-error.js'
import type { LiveObserver } from '../gate/live-gate.js'
import { errorFields, type Log } from './log.js'

/** Whoever has to act on it; set once the whole gateway is put together. */
export interface Listeners {
  tokenReplaced: (userId: string) => void
  reloaded: (config: Config) => void
}

/** What happens in the gate's rooms, as lines of the operator's log. Messages are constant, values are fields. */
export function observe(log: Log, listeners: Listeners): LiveObserver {
  return {
    refused: (decision, detail) => {
      const { requestId, code, status, request, user, certificate } = decision
      log.info(
        {
          ...{ requestId, code, status, detail, peer: request.peer, clientIp: request.clientIp },
          ...{ method: request.method, path: request.path.raw },
          ...{ user: user?.username, subject: certificate?.facts.subject },
        },
        'refused',
      )
    },
    fault: (error, requestId) => log.error({ ...errorFields(error), requestId }, 'fault'),
    token: (event) => {
      log.info({ ...event }, 'personal access token')
      if (event.type === 'replaced') listeners.tokenReplaced(event.userId)
    },
    roomFault: (error) => log.error(errorFields(error), 'a background task failed'),
    storeWarning: (message) => log.warn({ message }, 'store warning'),
    trustWarning: ({ trust, role, subject, message }) =>
      log.warn({ trust, role, subject, message }, 'trust warning'),
    reloaded: (what, config) => {
      log.info({ what }, 'reloaded')
      listeners.reloaded(config)
    },
    reloadRefused: (what, error) => {
      const fields =
        error instanceof ConfigError ? { issues: error.issues.map(formatIssue) } : errorFields(error)
      log.error({ what, ...fields }, 'not reloaded: what ran goes on')
    },
    auditHead: (head, seq) => log.info({ head, seq }, 'audit head'),
  }
}
