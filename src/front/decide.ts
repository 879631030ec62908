import type { IncomingMessage } from 'node:http'
import { Refusal } from '../core/refusals.js'
import type { Decision } from '../gate/decision.js'
import type { Gate } from '../gate/gate.js'
import type { RequestFacts } from '../intake/facts.js'

/**
 * Decides a request that Node handed out, as an upgrade or not. Where Node took it for an upgrade and the
 * gate did not, or the other way round, each would hold the other to have looked at it: refused.
 *
 * @param nodeUpgrades Node handed it to `upgrade`
 */
export async function decide(gate: Gate, facts: RequestFacts, nodeUpgrades: boolean): Promise<Decision> {
  const decision = await gate.admit(facts)
  if (!decision.allowed || (decision.request.upgrade !== null) === nodeUpgrades) return decision
  return gate.refuse(decision.request, new Refusal('upgrade_refused'), decision)
}

/** Whether Node handed this request, or will hand it, to a listener of `upgrade`. */
export function isUpgraded(request: IncomingMessage): boolean {
  // Node's typings leave it out: set by its parser where an `upgrade` listener is there to take it.
  return 'upgrade' in request && request.upgrade === true
}
