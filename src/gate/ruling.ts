import { createHash } from 'node:crypto'
import type { Config } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import type { Intake } from '../intake/intake.js'
import { takesUpgrade } from '../mattermost/paths.js'
import type { DenyList } from '../revocation/deny-list/deny-list.js'
import type { TrustDefinition, TrustStore } from '../x509/trust-store.js'
import { Verifier } from '../x509/verifier.js'
import { readDenyList, readDenyListText } from './deny-list-file.js'
import { createIntake } from './entrance.js'
import { Judge } from './judge.js'
import { parseTrusts, readTrustFiles } from './trusts.js'

/**
 * Everything that a decision reads and a reload may replace, as one: no request is ever decided by a
 * mixture of old and new.
 */
export interface Ruling {
  readonly config: Config
  readonly intake: Intake
  readonly judge: Judge
  readonly trusts: TrustStore
  readonly denyList: DenyList | null
  /** The same for the same configuration and files, as far as a verdict on a certificate hangs on them. */
  readonly mark: string
}

/**
 * Reads whatever decisions are made by. What verdicts hang on is taken from the ruling before where
 * nothing of it changed, and its cached verdicts with it.
 *
 * @throws ConfigError for what the operator must mend, an error of the file system otherwise
 */
export async function readRuling(
  config: Config,
  clock: Clock,
  before: Ruling | null = null,
): Promise<Ruling> {
  const definitions = await readTrustFiles(config)
  const denied = config.denyList === null ? null : await readDenyListText(config.denyList)
  const intake = await createIntake(config)
  const mark = markOf(config, definitions, denied)
  if (before !== null && before.mark === mark) return { ...before, config, intake }
  const trusts = parseTrusts(definitions)
  const denyList = config.denyList === null || denied === null ? null : readDenyList(config.denyList, denied)
  return { config, intake, trusts, denyList, mark, judge: createJudge(config, trusts, denyList, clock) }
}

/** Every file that is looked at while running. */
export function watchedFiles(config: Config): readonly string[] {
  const named = config.trust.flatMap(({ ca, intermediates }) => [ca, intermediates])
  return [...named, config.denyList].filter((file) => file !== null)
}

function createJudge(config: Config, trusts: TrustStore, denyList: DenyList | null, clock: Clock): Judge {
  return new Judge({
    verifier: new Verifier(trusts),
    policies: new Map(config.trust.map((trust) => [trust.name, trust])),
    denyList,
    // An application of one's own has websockets where it likes.
    takesUpgrade: config.mattermost === null ? () => true : takesUpgrade,
    clock,
    verifyConcurrency: config.limits.verifyConcurrency,
  })
}

function markOf(config: Config, definitions: readonly TrustDefinition[], denied: string | null): string {
  const { trust, limits, proxy, listen } = config
  const what = { trust, limits, proxy, tls: listen.tls, definitions, denied }
  const text = JSON.stringify(what, (_key, value: unknown) =>
    value instanceof RegExp ? value.source : value,
  )
  return createHash('sha256').update(text).digest('base64')
}
