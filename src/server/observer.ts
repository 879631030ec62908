import type { RoomObserver } from '../gate/open-gate.js'
import { errorFields, type Log } from './log.js'

/** What happens in the gate's rooms, as lines of the operator's log. Messages are constant, values are fields. */
export function observe(log: Log, ending: { tokenReplaced: (userId: string) => void }): RoomObserver {
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
      if (event.type === 'replaced') ending.tokenReplaced(event.userId)
    },
    roomFault: (error) => log.error(errorFields(error), 'a background task failed'),
    storeWarning: (message) => log.warn({ message }, 'store warning'),
    trustWarning: ({ trust, role, subject, message }) =>
      log.warn({ trust, role, subject, message }, 'trust warning'),
  }
}
