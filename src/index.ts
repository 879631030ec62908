import type { Config } from './config/config.js'
import { type GateOptions, type OwnGate, openFrontGate } from './front/create-gate.js'

export type { Config } from './config/config.js'
export { type LoadOptions, loadConfig } from './config/load.js'
export { ConfigError, type ConfigIssue } from './core/config-error.js'
export { Fault, type FaultCode } from './core/faults.js'
export { type RefusalCode, refusalTexts } from './core/refusals.js'
export type { GateOptions, OwnGate as Gate } from './front/create-gate.js'
export type { Allowed, Decision, Refused } from './gate/decision.js'
export type { Holder, Verdict } from './gate/verdict.js'
export type { Identity } from './identity/identity.js'
export type { RequestFacts } from './intake/facts.js'
export type { MattermostUser } from './mattermost/user.js'
export type { VerifiedCertificate } from './x509/verified-certificate.js'

/**
 * Reads the CAs, opens store and audit.
 *
 * @param config of `loadConfig`, or a plain object of the YAML's shape, whose relative paths are relative
 *   to the working directory
 * @throws ConfigError with everything that the operator must mend; Fault where something cannot be opened
 */
export function createGate(config: Config | object, options: GateOptions = {}): Promise<OwnGate> {
  return openFrontGate(config, options)
}
