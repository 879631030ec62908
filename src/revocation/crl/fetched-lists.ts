import { webcrypto } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../core/clock.js'
import type { Trust } from '../../x509/trust-store.js'
import { FetchQueue } from '../fetch/fetch-queue.js'
import type { Fetcher } from '../fetch/fetcher.js'
import type { CertificateQuestion } from '../sources.js'
import type { Crl } from './crl.js'
import { readLists } from './crl-files.js'
import { isSignedByItsIssuer } from './crl-issuer.js'
import type { CrlMemory } from './crl-memory.js'
import { FetchedList, type ListCondition } from './fetched-list.js'
import type { ListShelf } from './list-shelf.js'
import { listUrls } from './list-urls.js'

export interface FetchedListsOptions {
  readonly trust: Trust
  readonly fetcher: Pick<Fetcher, 'fetch' | 'refusalOf'>
  /** Fetched without being asked for; what certificates name beside them only where somebody comes with one. */
  readonly urls: readonly string[]
  /** Null: nothing is kept on disk. */
  readonly shelf: ListShelf | null
  /** Leaves out what is older than what was in use before; null: every list counts. */
  readonly memory: CrlMemory | null
  readonly clock: Clock
  /** Told when the lists in use are others. */
  readonly onChange: () => void
  /** Told of what the operator should see, such as a full disk; the fetching goes on. */
  readonly onFault: (error: unknown) => void
}

const listBytes = 134_217_728
const listMs = 60_000
const perHost = { running: 2, waiting: 64, tries: 2, tryMs: 60_000, backOffMs: 500 }
/** So long its holder waits for the lists that a certificate needs. */
const longestWaitMs = 8_000
/** Named by certificates; of those that nobody asks for any more the oldest go. */
const mostNamed = 256

type ReadOutcome = { readonly lists: readonly Crl[] } | { readonly problem: string }

/** The lists of one trust that are fetched: ahead of their end, kept on disk, none older than one before. */
export class FetchedLists {
  readonly #options: FetchedListsOptions
  readonly #queue: FetchQueue
  readonly #configured: readonly FetchedList[]
  readonly #named: LRUCache<string, FetchedList>
  #lists: readonly Crl[] = []

  private constructor(options: FetchedListsOptions) {
    this.#options = options
    this.#queue = new FetchQueue(options.fetcher, perHost)
    this.#configured = options.urls.map((url) => new FetchedList(url, true))
    this.#named = new LRUCache<string, FetchedList>({ max: mostNamed })
  }

  /** With what is kept on disk; fetches nothing yet. */
  static async open(options: FetchedListsOptions): Promise<FetchedLists> {
    const fetched = new FetchedLists(options)
    await Promise.all(fetched.#configured.map((list) => fetched.#takeFromShelf(list)))
    return fetched
  }

  /** What is at hand. */
  get lists(): readonly Crl[] {
    return this.#lists
  }

  /** How each address did, for readiness, metrics and doctor. */
  get conditions(): readonly ListCondition[] {
    return this.#all().map(({ condition }) => condition)
  }

  /** Somebody relies on the lists that this certificate names: they are fetched ahead of their end. */
  note(question: CertificateQuestion): void {
    for (const url of listUrls(question.certificate)) this.#named.get(url)?.want(question)
  }

  /**
   * Fetches what could speak of this certificate and is due, for some seconds at most; what is under way then
   * goes on. Called for a path that is valid, and only where what is at hand does not settle it.
   *
   * @param isSettled asked whenever there may be more at hand; nothing is waited for once it says so
   */
  async bring(question: CertificateQuestion, isSettled: () => Promise<boolean>): Promise<void> {
    const wanted = await this.#wantedBy(question)
    if (await isSettled()) return
    const waiting = new Set(wanted.flatMap((list) => this.#fetchDue(list, question.atMs) ?? []))
    const over = new AbortController()
    // It rejects when it is no longer needed, and for nothing else.
    const deadline = sleep(longestWaitMs, null, { signal: over.signal, ref: false }).catch(() => null)
    while (waiting.size > 0) {
      const done = await Promise.race([deadline, ...[...waiting].map((one) => one.then(() => ({ one })))])
      if (done === null) return
      waiting.delete(done.one)
      if (await isSettled()) break
    }
    over.abort()
  }

  /** Why what could speak of this certificate is not at hand; null: nothing is known to be wrong. */
  failureFor({ certificate }: CertificateQuestion): string | null {
    const urls = listUrls(certificate)
    const wanted = [...this.#configured, ...urls.flatMap((url) => this.#named.peek(url) ?? [])]
    const failed = wanted.map(({ condition }) => condition).find(({ failure }) => failure !== null)
    if (failed !== undefined) return `no CRL from ${failed.url} (${failed.failure ?? ''})`
    if (wanted.some(({ running }) => running !== null)) return 'a CRL is still being fetched'
    const [barred] = urls.filter((url) => this.#options.fetcher.refusalOf(url) !== null)
    if (barred === undefined) return null
    const why =
      this.#options.fetcher.refusalOf(barred) === 'host_not_allowed'
        ? 'fetch.allow does not name that host'
        : 'it is no http address'
    return `the CRL at ${barred}, which it names, is not fetched: ${why}`
  }

  /** Begins to fetch what is due; called once a second. */
  refreshDue(nowMs: number): void {
    for (const list of this.#all()) if (list.isWanted(nowMs)) void this.#fetchDue(list, nowMs)
  }

  /** Fetches what the configuration names, due or not: for who looks once. */
  async fetchAll(): Promise<void> {
    const nowMs = this.#options.clock.now()
    await Promise.all(this.#configured.flatMap((list) => this.#fetchDue(list, nowMs) ?? []))
  }

  /** Ends what waits. Who closes the fetcher ends what is under way. */
  close(): void {
    this.#queue.close()
  }

  #all(): readonly FetchedList[] {
    return [...this.#configured, ...this.#named.values()]
  }

  /** Those of the configuration, and those that the certificate names, with what is kept of them. */
  async #wantedBy(question: CertificateQuestion): Promise<readonly FetchedList[]> {
    const { fetcher } = this.#options
    const configured = new Set(this.#configured.map(({ url }) => url))
    for (const list of this.#configured) list.want(question)
    const named: FetchedList[] = []
    for (const url of listUrls(question.certificate)) {
      if (configured.has(url) || fetcher.refusalOf(url) !== null) continue
      const list = this.#named.get(url) ?? this.#add(url)
      list.want(question)
      named.push(list)
    }
    await Promise.all(named.map(({ recalled }) => recalled))
    return [...this.#configured, ...named]
  }

  #add(url: string): FetchedList {
    const list = new FetchedList(url, false)
    const oldest = this.#named.size < mostNamed ? null : ([...this.#named.keys()].at(-1) ?? null)
    this.#named.set(url, list)
    if (oldest !== null) void this.#forget(oldest)
    list.recalled = this.#takeFromShelf(list)
    return list
  }

  /** Its lists are no more among those in use. */
  async #forget(url: string): Promise<void> {
    const { shelf, trust, onFault } = this.#options
    this.#gather()
    await shelf?.remove(trust.name, url).catch(onFault)
  }

  /** The exchange under way with its address; null: there is none, and none is due. */
  #fetchDue(list: FetchedList, nowMs: number): Promise<void> | null {
    if (list.isDue(nowMs))
      list.running = this.#fetch(list)
        .catch((error: unknown) => {
          list.failed('it could not be taken: see the log', this.#options.clock.now())
          this.#options.onFault(error)
        })
        .finally(() => {
          list.running = null
        })
    return list.running
  }

  async #fetch(list: FetchedList): Promise<void> {
    const { clock, trust, shelf, onChange, onFault } = this.#options
    const answer = await this.#queue.fetch({
      ...{ url: list.url, maxBytes: listBytes, timeoutMs: listMs, accept: 'application/pkix-crl' },
    })
    if ('failure' in answer) {
      list.failed(answer.failure, clock.now())
      return
    }
    const outcome = await this.#take(list, answer.bytes)
    if (outcome === 'taken') {
      onChange()
      await shelf?.write(trust.name, list.url, answer.bytes).catch(onFault)
    }
  }

  /** Whatever is wrong with what was kept, it is fetched anew. */
  async #takeFromShelf(list: FetchedList): Promise<void> {
    const { shelf, trust, onFault } = this.#options
    try {
      const kept = (await shelf?.read(trust.name, list.url)) ?? null
      if (kept !== null) await this.#take(list, kept)
    } catch (error) {
      onFault(error)
    }
    list.fetchAtOnce()
  }

  /** Reads, verifies and compares before anything of it is in use. */
  async #take(list: FetchedList, bytes: Buffer): Promise<'taken' | 'kept'> {
    const { clock, memory, trust } = this.#options
    const digest = Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex')
    if (digest === list.digest) {
      list.succeeded(clock.now())
      return 'kept'
    }
    const read = await this.#read(list, bytes)
    if ('problem' in read) {
      list.failed(read.problem, clock.now())
      return 'kept'
    }
    const { older } = (await memory?.keepNewest(trust.name, read.lists)) ?? { older: [] }
    if (older.length > 0) {
      list.failed('what is offered there is older than what was in use before', clock.now())
      return 'kept'
    }
    list.lists = read.lists
    list.digest = digest
    this.#gather()
    list.succeeded(clock.now())
    return 'taken'
  }

  async #read(list: FetchedList, bytes: Buffer): Promise<ReadOutcome> {
    const { lists, issues } = await readLists(bytes, list.url)
    const problem = issues[0]?.message ?? (await this.#problemOf(lists, list))
    return problem === null ? { lists } : { problem }
  }

  /**
   * A list comes over an open line: what nobody of this trust has signed must not be remembered as the newest,
   * or the real ones would count as older from then on.
   */
  async #problemOf(lists: readonly Crl[], { asker }: FetchedList): Promise<string | null> {
    const { trust } = this.#options
    const own = [...trust.anchors, ...trust.intermediates]
    for (const crl of lists) {
      const verified = await Promise.all(
        own
          .filter(({ subject }) => subject.key === crl.head.issuer.key)
          .map(async (one) => (await crl.verify(one)) === 'good'),
      )
      const isKnown =
        verified.includes(true) ||
        (asker !== null && (await isSignedByItsIssuer(crl, asker, () => Promise.resolve(false))))
      if (!isKnown) return 'what is offered there is not signed by an authority of this trust'
    }
    return null
  }

  #gather(): void {
    this.#lists = this.#all().flatMap(({ lists }) => lists)
  }
}
