import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.js'
import type { Lease, Store } from './store.js'

/** The record holds its owner's random id: only who wrote it can delete it. */
export async function acquireLease(
  store: Pick<Store, 'compareAndSet'>,
  clock: Clock,
  name: string,
  ttlMs: number,
): Promise<Lease | null> {
  const record = `lease/${name}`
  const owner = randomBytes(16)
  const expiresAtMs = clock.now() + ttlMs
  if (!(await store.compareAndSet(record, null, owner, { expiresAtMs }))) return null
  return { name, expiresAtMs, release: () => store.compareAndSet(record, owner, null) }
}
