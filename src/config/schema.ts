import type { Static } from 'typebox'
import * as entrance from './schema-entrance.js'
import * as upstream from './schema-mattermost.js'
import * as running from './schema-running.js'
import { group } from './schema-terms.js'
import { trust } from './schema-trust.js'

/** The whole configuration: types, defaults, validation, editor completion and docs come from here. */
export const configSchema = group(
  {
    listen: entrance.listen,
    public: entrance.publicAddress,
    proxy: entrance.proxy,
    trust,
    denyList: running.denyList,
    mattermost: upstream.mattermost,
    control: upstream.control,
    stepUp: upstream.stepUp,
    sessions: upstream.sessions,
    routes: entrance.routes,
    limits: running.limits,
    timeouts: running.timeouts,
    audit: running.audit,
    metrics: running.metrics,
    log: running.log,
  },
  { title: 'Configuration of mattergate' },
)

/** The document with every default filled in, still in the YAML's words. */
export type ConfigDocument = Static<typeof configSchema>

/** The JSON Schema (draft 2020-12) that `mattergate schema` prints. */
export function jsonSchema(): object {
  const plain = JSON.parse(JSON.stringify(configSchema)) as object
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...plain }
}
