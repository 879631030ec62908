import type { Config } from '../config/config.js'
import { systemClock } from '../core/clock.js'
import { formatIssue } from '../core/config-error.js'
import { Gateway } from './gateway.js'
import { createLog } from './log.js'

/** Runs the gateway until it is told to stop; resolves with the exit code. */
export async function serveUntilStopped(config: Config): Promise<0> {
  const log = createLog(config.log.level)
  for (const warning of config.warnings) log.warn({ at: formatIssue(warning) }, 'configuration warning')
  const stopped = firstSignal()
  const gateway = await Gateway.start(config, { log, clock: systemClock })
  log.info({ address: gateway.address, url: config.public.url }, 'ready')
  const signal = await stopped
  log.info({ signal }, 'stopping')
  // A second signal ends it at once: nothing may hold up whoever asks twice.
  for (const again of ['SIGTERM', 'SIGINT'] as const) process.once(again, () => process.exit(1))
  await gateway.stop()
  log.info('stopped')
  return 0
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
