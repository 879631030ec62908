// When lists are fetched, what of them is taken, and what is kept on disk: with a clock and a network of our own.
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { keyUsage } from '../../src/pki/extensions.js'
import { type IssuedCertificate, issueCertificate } from '../../src/pki/issue.js'
import { userExtensions } from '../../src/pki/profiles.js'
import { CrlMemory } from '../../src/revocation/crl/crl-memory.js'
import { FetchedLists, type FetchedListsOptions } from '../../src/revocation/crl/fetched-lists.js'
import { ListShelf } from '../../src/revocation/crl/list-shelf.js'
import type { FetchRequest, FetchResult } from '../../src/revocation/fetch/fetcher.js'
import { memoryStore } from '../../src/store/memory-store.js'
import { inPlace } from '../../src/x509/path-status.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { makeCa, makeUser, name, testTimeMs } from '../support/certificates.js'
import { parsed } from '../support/ocsp-response.js'
import { distributionPoints, type ListOptions, makeList } from '../support/revocation-list.js'

const [ca, stranger] = await Promise.all([makeCa('Listed CA'), makeCa('Listed CA')])
const anybody = await makeUser(ca)
const hourMs = 3_600_000
const place = 'http://pki.example.com/ca.crl'

const trust = {
  ...{ name: 't', anchors: [parsed(ca)], intermediates: [] },
  require: { clientAuth: 'if-stated', minRsaBits: 2048, maxPathLength: null, policies: anyPolicies },
} as const

/** A world in which time passes when it is told to, and addresses offer what they are told to. */
class World {
  nowMs = testTimeMs
  readonly clock = { now: () => this.nowMs }
  readonly memory = new CrlMemory(memoryStore(this.clock))
  readonly offers = new Map<string, FetchResult | Promise<FetchResult>>()
  readonly asked: string[] = []
  readonly faults: unknown[] = []
  changes = 0
  /** Whose lists are waited for. */
  asker = anybody
  readonly fetcher = {
    refusalOf: (url: string) => (url.startsWith('http://pki.') ? null : ('host_not_allowed' as const)),
    fetch: async ({ url }: FetchRequest): Promise<FetchResult> => {
      this.asked.push(url)
      return (await this.offers.get(url)) ?? { failure: 'bad_content_type' }
    },
  }

  async open(more: Partial<FetchedListsOptions> = {}): Promise<FetchedLists> {
    const { fetcher, clock, memory } = this
    return FetchedLists.open({
      ...{ trust, fetcher, clock, memory, urls: [place], shelf: null },
      onChange: () => (this.changes += 1),
      onFault: (error) => this.faults.push(error),
      ...more,
    })
  }

  async offer(options: Partial<ListOptions> = {}, url = place): Promise<void> {
    const der = await makeList({
      ...{ issuer: ca, thisUpdate: new Date(this.nowMs), nextUpdate: new Date(this.nowMs + hourMs) },
      ...options,
    })
    this.offers.set(url, { bytes: Buffer.from(der) })
  }

  /** A second passes. @returns how often an address was asked */
  async tick(lists: FetchedLists, ms = 1_000): Promise<number> {
    this.nowMs += ms
    const before = this.asked.length
    lists.refreshDue(this.nowMs)
    await settled(lists, this.asker)
    return this.asked.length - before
  }
}

/** Nothing is under way any more. */
async function settled(lists: FetchedLists, asker: IssuedCertificate): Promise<void> {
  const nothing = () => Promise.resolve(false)
  await lists.bring(question(asker, 0), nothing)
}

function question(of: IssuedCertificate, atMs: number) {
  const certificate = parsed(of)
  const path = { anchor: parsed(ca), certificates: [certificate], unchecked: [] }
  return { certificate, issuer: parsed(ca), trust, atMs, path, presented: [], aside: inPlace }
}

const pointing = (...uris: string[]) => [
  ...userExtensions(),
  distributionPoints(uris.map((uri) => ({ name: [{ uri }] }))),
]

async function ticksUntilAsked(world: World, lists: FetchedLists, most: number, ms = 1_000): Promise<number> {
  for (let count = 1; count <= most; count += 1) if ((await world.tick(lists, ms)) > 0) return count
  return Number.POSITIVE_INFINITY
}

function shelfIn(t: Test): { shelf: ListShelf; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'mattergate-shelf-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return { shelf: new ListShelf(join(folder, 'crl')), folder: join(folder, 'crl') }
}

test('a list is fetched at once, and again when half to three quarters of its time are over, never all at the same', async (t) => {
  const moments = new Set<number>()
  for (let run = 0; run < 8; run += 1) {
    const world = new World()
    const lists = await world.open()
    await world.offer()
    t.equal(await world.tick(lists), 1)
    t.equal(lists.lists.length, 1)
    const minutes = await ticksUntilAsked(world, lists, 60, 60_000)
    t.ok(minutes >= 30 && minutes <= 46, `after ${minutes} minutes`)
    moments.add(minutes)
  }
  t.ok(moments.size > 1)
})

test('a place that fails is asked again, ever more seldom, ten minutes at most; the last good list holds', async (t) => {
  const world = new World()
  const lists = await world.open()
  await world.offer()
  await world.tick(lists)
  const held = lists.lists
  world.offers.set(place, { failure: 'url_refused' })
  await world.tick(lists, hourMs)
  const waits: number[] = []
  for (let count = 0; count < 10; count += 1) waits.push(await ticksUntilAsked(world, lists, 700))
  t.ok((waits[0] ?? 0) >= 2 && (waits[0] ?? 0) <= 6, `first ${waits[0]} s`)
  t.ok(
    waits.slice(-2).every((wait) => wait >= 300 && wait <= 601),
    `last ${waits.slice(-2).join()} s`,
  )
  t.equal(lists.lists, held)
  t.match(lists.conditions, [{ url: place, failure: 'url_refused' }])
  t.equal(world.changes, 1)
})

test('nothing is taken that is older, signed by nobody of the trust, or no list; the same bytes change nothing', async (t) => {
  const world = new World()
  const lists = await world.open()
  await world.offer({ number: 5 })
  await world.tick(lists)
  const held = lists.lists
  const offers: [string, () => Promise<Buffer>, RegExp][] = [
    [
      'older',
      async () => Buffer.from(await makeList({ issuer: ca, number: 4 })),
      /older than what was in use/,
    ],
    [
      'forged',
      async () => Buffer.from(await makeList({ issuer: stranger, number: 99 })),
      /not signed by an authority/,
    ],
    ['no list', () => Promise.resolve(Buffer.from('<html>')), /no CRL|not PEM/],
    [
      'cut off',
      async () => Buffer.from(await makeList({ issuer: ca, number: 7 })).subarray(0, -3),
      /not a proper CRL/,
    ],
    ['a long page', () => Promise.resolve(Buffer.from(`<p>${'long'.repeat(500_000)}`)), /no CRL/],
  ]
  for (const [what, make, failure] of offers) {
    world.offers.set(place, { bytes: await make() })
    await ticksUntilAsked(world, lists, 60, 60_000)
    t.equal(lists.lists, held, what)
    t.match(lists.conditions[0]?.failure, failure, what)
  }
  t.equal(world.changes, 1)
  await world.offer({ number: 6 })
  await ticksUntilAsked(world, lists, 60, 60_000)
  t.equal(lists.lists[0]?.head.number, 6n, 'what was forged, or in vain, did no harm')
  t.equal(world.changes, 2)
  await ticksUntilAsked(world, lists, 60, 60_000)
  t.equal(world.changes, 2, 'the same bytes')
  t.match(lists.conditions, [{ failure: null, fetchedAt: world.nowMs }])
})

test('a list that is signed by a certificate which came with a leaf is taken once somebody comes with it', async (t) => {
  const world = new World()
  const lists = await world.open()
  const signer = await issueCertificate({
    ...{
      subject: name({ O: 'Mattermost', CN: 'List signer' }),
      issuer: ca,
      extensions: [keyUsage(['cRLSign'])],
    },
    ...{ notBefore: new Date(testTimeMs - hourMs), notAfter: new Date(testTimeMs + 24 * hourMs) },
  })
  await world.offer({ issuer: signer })
  await world.tick(lists)
  t.match(lists.conditions, [{ failure: /not signed by an authority/ }])
  world.nowMs += 60_000
  const asked = { ...question(anybody, world.nowMs), presented: [parsed(signer)] }
  await lists.bring(asked, () => Promise.resolve(lists.lists.length > 0))
  t.equal(lists.lists.length, 1)
})

test('a list that is offered past its end is taken for what it revokes, and asked for anew soon', async (t) => {
  const world = new World()
  const lists = await world.open()
  await world.offer({ nextUpdate: new Date(world.nowMs - 1_000), thisUpdate: new Date(world.nowMs - hourMs) })
  await world.tick(lists)
  t.equal(lists.lists.length, 1)
  t.match(lists.conditions, [{ failure: /past its next update/ }])
  t.ok((await ticksUntilAsked(world, lists, 10)) <= 6)
})

test('what a certificate names is fetched for it, once for all who ask at the same time, and no other host asked', async (t) => {
  const world = new World()
  const lists = await world.open({ urls: [] })
  const named = 'http://pki.example.com/named.crl'
  const user = question(
    await makeUser(ca, { extensions: pointing(named, 'http://elsewhere.example.com/x') }),
    world.nowMs,
  )
  await world.offer({}, named)
  t.equal(lists.lists.length, 0)
  const isThere = () => Promise.resolve(lists.lists.length > 0)
  await Promise.all(Array.from({ length: 20 }, () => lists.bring(user, isThere)))
  t.strictSame(world.asked, [named])
  t.equal(lists.lists.length, 1)
  const barred = question(await makeUser(ca, { extensions: pointing('http://elsewhere.example.com/x') }), 0)
  await lists.bring(barred, isThere)
  t.match(lists.failureFor(barred), /elsewhere.*is not fetched: fetch.allow/)
})

test('what certificates named is fetched on while somebody relies on it, and then no more', async (t) => {
  const world = new World()
  const lists = await world.open({ urls: [] })
  const named = 'http://pki.example.com/named.crl'
  const user = await makeUser(ca, { extensions: pointing(named) })
  world.asker = user
  await world.offer({}, named)
  await lists.bring(question(user, world.nowMs), () => Promise.resolve(lists.lists.length > 0))
  t.ok((await ticksUntilAsked(world, lists, 60, 60_000)) < 60)
  world.asker = anybody
  world.nowMs += 24 * hourMs
  t.equal(await world.tick(lists, hourMs), 0)
  world.asker = user
  lists.note(question(user, world.nowMs))
  t.equal(await world.tick(lists), 1)
})

test('of what certificates named the oldest goes, with what was kept of it on disk', async (t) => {
  const world = new World()
  const { shelf, folder } = shelfIn(t)
  const lists = await world.open({ urls: [], shelf })
  for (let number = 0; number < 260; number += 1) {
    const url = `http://pki.example.com/${number}.crl`
    await world.offer({ number: number + 1 }, url)
    const user = question(await makeUser(ca, { extensions: pointing(url) }), world.nowMs)
    await lists.bring(user, () => Promise.resolve(false))
  }
  t.equal(lists.conditions.length, 256)
  t.equal(lists.lists.length, 256)
  t.equal((await readdir(folder)).length, 256)
})

test('after a restart the kept list is at hand, fetched anew at once, and never an older one', async (t) => {
  const world = new World()
  const { shelf, folder } = shelfIn(t)
  const first = await world.open({ shelf })
  await world.offer({ number: 7 })
  await world.tick(first)
  const second = await world.open({ shelf })
  t.equal(second.lists[0]?.head.number, 7n)
  await world.offer({ number: 6 })
  t.equal(await world.tick(second), 1)
  t.equal(second.lists[0]?.head.number, 7n)
  const [file = ''] = await readdir(folder)
  await utimes(join(folder, file), 0, 0)
  await shelf.tidy(world.nowMs)
  t.strictSame(await readdir(folder), [])
  t.strictSame((await world.open({ shelf })).lists, [])
  t.strictSame(world.faults, [])
})

test('a disk that fails is told of, and the list is in use all the same', async (t) => {
  const world = new World()
  const { folder } = shelfIn(t)
  await writeFile(folder, 'a file where the folder should be')
  const lists = await world.open({ shelf: new ListShelf(folder) })
  world.faults.splice(0)
  await world.offer()
  await world.tick(lists)
  t.equal(lists.lists.length, 1)
  t.equal(world.faults.length, 1)
})
