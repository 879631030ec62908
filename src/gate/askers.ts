import type { Config, TrustConfig } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import type { CrlMemory } from '../revocation/crl/crl-memory.js'
import { FetchedLists } from '../revocation/crl/fetched-lists.js'
import type { ListShelf } from '../revocation/crl/list-shelf.js'
import { Fetcher } from '../revocation/fetch/fetcher.js'
import { OcspSource } from '../revocation/ocsp/ocsp-source.js'
import type { Trust, TrustStore } from '../x509/trust-store.js'

/** Who fetches for one trust, by what rules. */
interface Asker<Source> {
  readonly source: Source
  readonly fetcher: Fetcher
  /** The same for the same rules: what was fetched under them holds still. */
  readonly mark: string
}

/** What is asked over the network, by the name of the trust. */
export interface Askers {
  readonly responders: ReadonlyMap<string, Asker<OcspSource>>
  readonly lists: ReadonlyMap<string, Asker<FetchedLists>>
}

/** What the askers of all trusts have in common. */
export interface RevocationRooms {
  /** Leaves out lists that are older than what was in use before; null: every list counts. */
  readonly memory: CrlMemory | null
  /** Where fetched lists are kept; null: nowhere. */
  readonly shelf: ListShelf | null
  /** Told when what was fetched may turn a certificate bad: its SHA-256, or null where it may be any. */
  readonly onChange: (sha256: string | null) => void
  readonly onFault: (error: unknown) => void
}

export interface AskersOptions {
  readonly config: Config
  readonly trusts: TrustStore
  readonly rooms: RevocationRooms
  readonly clock: Clock
}

export const noAskers: Askers = { responders: new Map(), lists: new Map() }

/** One whose rules are what they were goes on, with all that it was told. Nothing is asked yet. */
export async function openAskers(options: AskersOptions, before: Askers): Promise<Askers> {
  const responders = new Map<string, Asker<OcspSource>>()
  const lists = new Map<string, Asker<FetchedLists>>()
  for (const trust of options.config.trust) {
    const { mode } = trust.revocation
    if (mode === 'ocsp' || mode === 'ocsp-then-crl') {
      const known = before.responders.get(trust.name)
      const mark = responderMark(trust)
      responders.set(trust.name, known?.mark === mark ? known : openResponder(trust, mark, options))
    }
    const store = options.trusts.trusts.find(({ name }) => name === trust.name)
    if (store !== undefined && (mode === 'crl' || mode === 'ocsp-then-crl')) {
      const known = before.lists.get(trust.name)
      const mark = listsMark(trust, store)
      lists.set(trust.name, known?.mark === mark ? known : await openLists(trust, store, mark, options))
    }
  }
  return { responders, lists }
}

/** Ends those that are in use no more. */
export async function closeAskers(closing: Askers, kept: Askers): Promise<void> {
  const ended = [
    ...[...closing.responders].filter(([name, one]) => kept.responders.get(name) !== one),
    ...[...closing.lists].filter(([name, one]) => kept.lists.get(name) !== one),
  ].map(([, asker]) => asker)
  for (const { source } of ended) source.close()
  await Promise.all(ended.map(({ fetcher }) => fetcher.close()))
}

function openResponder(trust: TrustConfig, mark: string, { rooms }: AskersOptions): Asker<OcspSource> {
  const { responder, fetch } = trust.revocation
  const named = responder === null ? [] : [new URL(responder).host]
  const fetcher = new Fetcher({ allow: [...fetch.allow, ...named], private: fetch.private })
  return { mark, fetcher, source: new OcspSource({ fetcher, responder, onChange: rooms.onChange }) }
}

async function openLists(
  trust: TrustConfig,
  store: Trust,
  mark: string,
  { rooms, clock }: AskersOptions,
): Promise<Asker<FetchedLists>> {
  const { fetch } = trust.revocation
  const urls = listUrlsOf(trust)
  const named = urls.map((url) => new URL(url).host)
  const fetcher = new Fetcher({ allow: [...fetch.allow, ...named], private: fetch.private })
  const source = await FetchedLists.open({
    trust: store,
    fetcher,
    urls,
    clock,
    ...rooms,
    onChange: () => rooms.onChange(null),
  })
  return { mark, fetcher, source }
}

/** Those of `crl` that are no files. */
function listUrlsOf({ revocation }: TrustConfig): readonly string[] {
  return revocation.crl.filter(isUrl)
}

export function isUrl(where: string): boolean {
  return /^https?:\/\//i.test(where)
}

function responderMark({ revocation: { responder, fetch } }: TrustConfig): string {
  return JSON.stringify([responder, fetch])
}

/** Lists are verified by the certificates of the trust. */
function listsMark(trust: TrustConfig, { anchors, intermediates }: Trust): string {
  const certificates = [...anchors, ...intermediates].map(({ facts }) => facts.sha256)
  return JSON.stringify([listUrlsOf(trust), trust.revocation.fetch, certificates])
}
