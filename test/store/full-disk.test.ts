// lmdb ends the process where a commit finds no room: the store must never let it come to that.
import { test } from 'tap'
import { systemClock } from '../../src/core/clock.js'
import { DiskRoom } from '../../src/store/disk-room.js'
import { openEmbeddedStore } from '../../src/store/embedded-store.js'
import { mayMount, mountSmallDisk } from '../support/small-disk.js'

function open(folder: string) {
  return openEmbeddedStore({ path: `${folder}/store`, keyFile: null, clock: systemClock })
}

test('what is under way counts as written already, and gives its room back', async (t) => {
  let free = 300_000
  const room = new DiskRoom('/nowhere/records.mdb', () => free)
  const finish: (() => void)[] = []
  const write = () => room.during(10_000, () => new Promise<void>((resolve) => void finish.push(resolve)))
  const [first, second] = [write(), write()]
  await t.rejects(write(), { code: 'ERR_STORE_IO' }, 'the third has no room beside them')
  for (const end of finish) end()
  await Promise.all([first, second])
  t.equal(await room.during(10_000, () => 'written'), 'written')
  free = 0
  await t.rejects(
    room.during(0, () => t.fail('it must not be tried')),
    { code: 'ERR_STORE_IO' },
  )
})

if (mayMount || process.env.CI === 'true') {
  test('a full disk loses nothing that was stored, and writing goes on when there is room', async (t) => {
    const disk = mountSmallDisk(t, 700_000)
    const { store } = await open(disk.folder)
    const value = (number: number) => new Uint8Array(600).fill(number % 256)
    const stored: number[] = []
    const failures = new Set<unknown>()
    for (let number = 0; number < 900; number += 1) {
      try {
        await store.put(`record/${number}`, value(number))
        stored.push(number)
      } catch (error) {
        failures.add((error as { code?: unknown }).code)
      }
    }
    t.ok(stored.length > 50 && stored.length < 900)
    t.strictSame([...failures], ['ERR_STORE_IO'])
    const crowd = await Promise.allSettled(
      stored.map((number) => store.put(`record/${number}`, value(number))),
    )
    t.ok(
      crowd.some(({ status }) => status === 'rejected'),
      'many at once are held back, too',
    )
    disk.resize(4_000_000)
    await store.put('record/after', value(1))
    await store.close()
    const again = await open(disk.folder)
    for (const number of stored) {
      t.strictSame(await again.store.get(`record/${number}`), Buffer.from(value(number)))
    }
    await again.store.close()
  })

  test('a store on a full disk is not opened, with words', async (t) => {
    const disk = mountSmallDisk(t, 100_000)
    await t.rejects(open(disk.folder), { code: 'ERR_STORE_IO', message: /free some space/ })
  })
}
