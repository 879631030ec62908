import type { Config } from '../config/config.js'
import { systemClock } from '../core/clock.js'
import { formatIssue } from '../core/config-error.js'
import { createLog, type Log } from '../front/log.js'
import { Gateway } from './gateway.js'
import { SystemdNotify } from './systemd-notify.js'

/**
 * Runs the gateway until it is told to stop; resolves with the exit code.
 *
 * @param readConfig reads the configuration anew, for SIGHUP
 */
export async function serveUntilStopped(config: Config, readConfig: () => Promise<Config>): Promise<0> {
  const log = createLog(config.log.level)
  for (const warning of config.warnings) log.warn({ at: formatIssue(warning) }, 'configuration warning')
  const stopped = firstSignal()
  // Until there is something to reload it must not end the process, which is what it does by default.
  let reload = (): Promise<void> => Promise.resolve()
  process.on('SIGHUP', () => void reload())
  const gateway = await Gateway.start(config, {
    ...{ log, clock: systemClock, readConfig },
    notify: new SystemdNotify(process.env, { log }),
    onReload: (taken) => {
      log.level = taken.log.level
    },
  })
  log.info({ address: gateway.address, metrics: gateway.metricsAddress, url: config.public.url }, 'ready')
  reload = () => {
    noteCredential(config, log)
    return gateway.reload()
  }
  const signal = await stopped
  log.info({ signal }, 'stopping')
  // A second signal ends it at once: nothing may hold up whoever asks twice.
  for (const again of ['SIGTERM', 'SIGINT'] as const) process.once(again, () => process.exit(1))
  await gateway.stop()
  log.info('stopped')
  return 0
}

/** systemd shows a service the credentials that were there when it started. */
function noteCredential({ mattermost }: Config, log: Log): void {
  const directory = process.env.CREDENTIALS_DIRECTORY
  const admin = mattermost?.admin ?? null
  if (directory === undefined || admin === null || !('tokenFile' in admin)) return
  if (!admin.tokenFile.startsWith(`${directory}/`)) return
  log.info('the administrator token is a systemd credential: a new one needs a restart of the service')
}

function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    const onSignal = (signal: string): void => {
      process.off('SIGTERM', onSignal)
      process.off('SIGINT', onSignal)
      resolve(signal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
