import type { Config } from '../config/config.js'
import { ConfigError, formatIssue } from '../core/config-error.js'
import { closeAskers, noAskers } from '../gate/askers.js'
import { readRuling } from '../gate/ruling.js'
import { checkAuthorities } from './authority-checks.js'
import { checkFiles } from './file-checks.js'
import { type Finding, fail, ok, warn } from './finding.js'
import type { Machine } from './machine.js'
import { checkMattermost } from './mattermost-checks.js'
import { checkNginx } from './nginx-checks.js'
import type { ConnectTo } from './probe.js'
import { checkPublicAddress } from './public-checks.js'
import { checkRevocation } from './revocation-checks.js'

export interface DoctorOptions {
  readonly loadConfig: () => Promise<Config>
  readonly machine: Machine
  /** Where the public address is to be reached from here; null: as its name leads. */
  readonly connectTo: ConnectTo | null
}

/** Asks everything that has to do with the gateway, changes nothing, and says what to do. */
export async function examine({ loadConfig, machine, connectTo }: DoctorOptions): Promise<Finding[]> {
  try {
    const config = await loadConfig()
    const ruling = await readRuling(config, machine.clock)
    const nginx = await checkNginx(config, machine.nginx)
    return [
      ...configuration(config),
      ...(await checkFiles(config)),
      ...checkAuthorities(ruling.trusts, machine.clock.now()),
      ...(await checkRevocation(ruling, machine.clock).finally(() => closeAskers(ruling.askers, noAskers))),
      ...nginx.findings,
      ...(await checkPublicAddress(config, { connectTo, otherServers: nginx.otherServers })),
      ...(await checkMattermost(config, machine)),
    ]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.issues.map((issue) =>
      fail('configuration', formatIssue(issue), 'correct it; then ask again'),
    )
  }
}

function configuration(config: Config): Finding[] {
  if (config.warnings.length === 0) return [ok('configuration', 'the configuration is sound')]
  return config.warnings.map((issue) => warn('configuration', formatIssue(issue), 'see what the line says'))
}
