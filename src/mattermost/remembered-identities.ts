import { createHash } from 'node:crypto'
import { Fault } from '../core/faults.js'
import type { Identity } from '../identity/identity.js'
import type { Store } from '../store/store.js'

const prefix = 'identity/'

/** A certificate's value, as one trust read it by one rule, and the account that it stands for. */
export interface RememberedIdentity {
  readonly trust: string
  readonly rule: string
  readonly value: string
  /** Mattermost user id: it decides, whatever the account is called now. */
  readonly userId: string
  /** Milliseconds since 1970. */
  readonly rememberedAt: number
}

type IdentityKey = Pick<Identity, 'trust' | 'rule' | 'value'>

export async function recallIdentity(
  store: Store,
  identity: IdentityKey,
): Promise<RememberedIdentity | null> {
  const name = recordName(identity)
  const record = await store.get(name)
  return record === null ? null : parse(name, record)
}

/** @returns false: something is remembered of it already, and stays */
export function rememberIdentity(store: Store, remembered: RememberedIdentity): Promise<boolean> {
  const record = new TextEncoder().encode(JSON.stringify(remembered))
  return store.compareAndSet(recordName(remembered), null, record)
}

/** What `mattergate identities list` shows, in no particular order. */
export async function* listIdentities(store: Store): AsyncIterable<RememberedIdentity> {
  for await (const { name, value } of store.list(prefix)) yield parse(name, value)
}

/**
 * The next request with this value is mapped anew. A running gateway believes what it looked up before
 * for up to `directoryCache`.
 *
 * @returns false: nothing was remembered
 */
export async function forgetIdentity(store: Store, identity: IdentityKey): Promise<boolean> {
  const name = recordName(identity)
  const known = await store.get(name)
  if (known !== null) await store.delete(name)
  return known !== null
}

/** The three as one key: no value can be written so that it reads as another trust's or rule's. */
export function identityKey({ trust, rule, value }: IdentityKey): string {
  return JSON.stringify([trust, rule, value])
}

function recordName(identity: IdentityKey): string {
  return prefix + createHash('sha256').update(identityKey(identity)).digest('hex')
}

function parse(name: string, record: Uint8Array): RememberedIdentity {
  const value: unknown = JSON.parse(new TextDecoder().decode(record))
  if (isRemembered(value) && recordName(value) === name) return value
  throw new Fault('ERR_STORE_DAMAGED', `the record ${name} is not a remembered identity`)
}

function isRemembered(value: unknown): value is RememberedIdentity {
  if (typeof value !== 'object' || value === null) return false
  const { trust, rule, value: text, userId, rememberedAt } = value as Partial<RememberedIdentity>
  const texts = [trust, rule, text, userId].every((part) => typeof part === 'string')
  return texts && typeof rememberedAt === 'number'
}
