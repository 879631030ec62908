import type { Config } from '../config/config.js'
import { isConfig, resolveConfig } from '../config/load.js'
import { type Clock, systemClock } from '../core/clock.js'
import type { Decision } from '../gate/decision.js'
import { LiveGate } from '../gate/live-gate.js'
import { noMeasures } from '../gate/measures.js'
import type { OpenedGate } from '../gate/open-gate.js'
import type { Verdict } from '../gate/verdict.js'
import type { RequestFacts } from '../intake/facts.js'
import { type Log, silentLog } from './log.js'
import { observe } from './observer.js'

export interface GateOptions {
  /** pino, or what behaves like it; left out: nothing is logged. */
  readonly log?: Log
  readonly clock?: Clock
}

/** Decides requests in an application of one's own. Files of trust are watched, and what turned bad ends. */
export interface OwnGate {
  /** Certificate, revocation, identity: nothing looked up, nothing written. */
  judge(facts: RequestFacts): Promise<Verdict>
  /** Also account, session and audit: the event is written before the decision is known. */
  admit(facts: RequestFacts): Promise<Decision>
  /** Reads the files that the configuration names anew, and reopens the audit file. */
  reload(): Promise<void>
  close(): Promise<void>
}

/** The same with its rooms, for our own front doors. */
export interface FrontGate extends OwnGate {
  readonly opened: OpenedGate
}

/**
 * Reads the CAs, opens store and audit.
 *
 * @param config of `loadConfig`, or a plain object of the YAML's shape, whose relative paths are relative
 *   to the working directory
 * @throws ConfigError with everything that the operator must mend; Fault where something cannot be opened
 */
export async function openFrontGate(config: Config | object, options: GateOptions = {}): Promise<FrontGate> {
  const settled = isConfig(config) ? config : await resolveConfig(config, { baseDirectory: process.cwd() })
  const { log = silentLog, clock = systemClock } = options
  const observer = observe(log, { tokenReplaced: () => undefined, reloaded: () => undefined })
  const live = await LiveGate.open({
    ...{ config: settled, clock, observer, measures: noMeasures, readConfig: null },
  })
  const { opened } = live
  await opened.audit.write({ event: 'start' })
  live.start(null)
  return {
    opened,
    judge: (facts) => opened.gate.judge(facts),
    admit: (facts) => opened.gate.admit(facts),
    reload: () => live.reload(),
    close: async () => {
      await opened.audit.write({ event: 'stop' })
      await live.close()
    },
  }
}
