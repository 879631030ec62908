import { createHash } from 'node:crypto'
import type { Config, TrustConfig } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import type { Intake } from '../intake/intake.js'
import { takesUpgrade } from '../mattermost/paths.js'
import { RevocationChecker, type RevocationRules } from '../revocation/checker.js'
import type { Crl } from '../revocation/crl/crl.js'
import { CrlSource } from '../revocation/crl/crl-source.js'
import type { DenyList } from '../revocation/deny-list/deny-list.js'
import { type StatusSource, unknown } from '../revocation/sources.js'
import type { TrustStore } from '../x509/trust-store.js'
import { Verifier } from '../x509/verifier.js'
import { type Askers, isUrl, noAskers, openAskers, type RevocationRooms } from './askers.js'
import { readDenyList, readDenyListText } from './deny-list-file.js'
import { createIntake } from './entrance.js'
import { Judge } from './judge.js'
import { readLists } from './revocation-lists.js'
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
  /** CRLs of files by the name of the trust whose certificates they speak of. */
  readonly lists: ReadonlyMap<string, readonly Crl[]>
  readonly askers: Askers
  /** The same where trusts and their requirements are: paths that were found hold still. */
  readonly trustMark: string
  /** The same for the same configuration and files, as far as a verdict on a certificate hangs on them. */
  readonly mark: string
}

export interface RulingOptions {
  /** What is in use; of it is taken what did not change, cached verdicts above all. */
  readonly before: Ruling | null
  readonly rooms: RevocationRooms
}

/** For whoever reads once, and keeps nothing. */
const nothingKept: RevocationRooms = {
  memory: null,
  shelf: null,
  onChange: () => undefined,
  // Nothing is written, so that nothing can fail but the fetching, which the status tells of.
  onFault: () => undefined,
}

/**
 * Reads whatever decisions are made by.
 *
 * @throws ConfigError for what the operator must mend, an error of the file system otherwise
 */
export async function readRuling(
  config: Config,
  clock: Clock,
  { before, rooms }: RulingOptions = { before: null, rooms: nothingKept },
): Promise<Ruling> {
  const definitions = await readTrustFiles(config)
  const denied = config.denyList === null ? null : await readDenyListText(config.denyList)
  const intake = await createIntake(config)
  const lists = await readLists(config, rooms.memory, before?.lists ?? null)
  const trustMark = markOf({ ...trustParts(config), definitions })
  const mark = markOf({ trustMark, denied, lists: listMarks(lists) })
  if (before !== null && before.mark === mark) return { ...before, config, intake }
  const trusts = parseTrusts(definitions)
  const denyList = config.denyList === null || denied === null ? null : readDenyList(config.denyList, denied)
  const askers = await openAskers({ config, trusts, rooms, clock }, before?.askers ?? noAskers)
  const judge = createJudge(config, { trusts, denyList, lists, askers, clock })
  return { config, intake, trusts, denyList, lists, askers, trustMark, mark, judge }
}

/** Every file that is looked at while running. */
export function watchedFiles(config: Config): readonly string[] {
  const named = config.trust.flatMap(({ ca, intermediates }) => [ca, intermediates])
  const lists = config.trust.flatMap(({ revocation }) => revocation.crl.filter((where) => !isUrl(where)))
  return [...named, config.denyList, ...lists].filter((file) => file !== null)
}

interface JudgeParts {
  readonly trusts: TrustStore
  readonly denyList: DenyList | null
  readonly lists: Ruling['lists']
  readonly askers: Askers
  readonly clock: Clock
}

function createJudge(config: Config, parts: JudgeParts): Judge {
  const { trusts, denyList, clock } = parts
  const rules = new Map(config.trust.map((trust) => [trust.name, revocationRules(trust, parts)]))
  const checker = new RevocationChecker((trust) => rules.get(trust) ?? null)
  return new Judge({
    verifier: new Verifier(trusts, checker),
    policies: new Map(config.trust.map((trust) => [trust.name, trust])),
    denyList,
    // An application of one's own has websockets where it likes.
    takesUpgrade: config.mattermost === null ? () => true : takesUpgrade,
    clock,
    verifyConcurrency: config.limits.verifyConcurrency,
  })
}

function revocationRules({ name, revocation }: TrustConfig, { lists, askers }: JudgeParts): RevocationRules {
  const { mode, whenUnknown, graceMs } = revocation
  const files = lists.get(name) ?? []
  const fetched = askers.lists.get(name)?.source ?? null
  return {
    ...{ mode, whenUnknown, ocsp: askers.responders.get(name)?.source ?? noResponder },
    crl: new CrlSource({ lists: () => [...files, ...(fetched?.lists ?? [])], fetched, graceMs }),
  }
}

const noResponder: StatusSource = { status: () => Promise.resolve(unknown('OCSP is not asked')) }

function trustParts({ trust, limits, proxy, listen }: Config) {
  return { trust, limits, proxy, tls: listen.tls }
}

function listMarks(lists: Ruling['lists']): readonly string[] {
  return [...lists].flatMap(([trust, found]) =>
    found.map(({ head }) => `${trust} ${Buffer.from(head.signature).toString('base64')}`),
  )
}

function markOf(what: object): string {
  const text = JSON.stringify(what, (_key, value: unknown) =>
    value instanceof RegExp ? value.source : value,
  )
  return createHash('sha256').update(text).digest('base64')
}
