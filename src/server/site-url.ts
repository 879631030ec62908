import type { Config } from '../config/config.js'
import { ConfigError } from '../core/config-error.js'
import { errorFields, type Log } from '../front/log.js'
import type { MattermostClient } from '../mattermost/client.js'

/**
 * Holds `public.url` against Mattermost's SiteURL. A difference is a warning, since websockets are refused
 * then; a SiteURL with a path is refused. A Mattermost that does not answer yet is no reason not to start.
 */
export async function compareSiteUrl(
  config: Config,
  client: MattermostClient | null,
  log: Log,
): Promise<'same' | 'differs' | 'unknown'> {
  if (client === null) {
    log.warn('no administrator credential: accounts are not looked up')
    return 'unknown'
  }
  const siteUrl = await client.clientConfig().then(
    (found) => found.siteUrl,
    (error: unknown) => {
      log.warn(errorFields(error), 'Mattermost does not answer: its SiteURL was not compared')
      return null
    },
  )
  if (siteUrl === null) return 'unknown'
  if (!URL.canParse(siteUrl)) {
    log.warn({ siteUrl }, 'Mattermost shows no SiteURL: make sure that it is set to public.url')
    return 'unknown'
  }
  if (new URL(siteUrl).pathname !== '/') throw withPath(config, siteUrl)
  if (new URL(siteUrl).origin === config.public.url) return 'same'
  log.warn(
    { siteUrl, publicUrl: config.public.url },
    'public.url and the SiteURL of Mattermost differ: Mattermost 11 refuses websockets then',
  )
  return 'differs'
}

function withPath(config: Config, siteUrl: string): ConfigError {
  const message = `Mattermost's SiteURL ${siteUrl} has a path, which is not supported yet: set it to an address without one`
  return new ConfigError([{ file: config.file ?? '<config>', line: 1, column: 1, message }])
}
