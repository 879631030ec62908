/** The codes of faults: a dependency is down, or the bug is ours. */
export type FaultCode =
  | 'ERR_MATTERMOST_UNREACHABLE'
  | 'ERR_MATTERMOST_ANSWER'
  | 'ERR_MATTERMOST_CREDENTIAL'
  | 'ERR_STORE_DAMAGED'
  | 'ERR_STORE_KEY'
  | 'ERR_STORE_IO'
  | 'ERR_AUDIT_IO'
  | 'ERR_TRUST_FILE'
  | 'ERR_CONNECTION_LOST'

/** Thrown: what failed is not the caller's doing. The message names the operation and holds no secret. */
export class Fault extends Error {
  readonly code: FaultCode

  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'Fault'
    this.code = code
  }
}
