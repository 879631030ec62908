import { Fault } from '../core/faults.js'
import type { Store } from '../store/store.js'

const prefix = 'token/'

/** The personal access token that a user is signed in with. Its secret stands in the sealed record alone. */
export interface HeldToken {
  readonly tokenId: string
  readonly token: string
}

/** A token that is about to be made, or whose making was not heard of any more. */
export interface TokenIntent {
  /** The token's description at Mattermost, `mattergate INSTANCE INTENT-ID`: by it the token is found again. */
  readonly description: string
  /** Milliseconds since 1970 of the last attempt. */
  readonly triedAt: number
}

/** All that is known of one user's token, in one record, so that each step is written whole or not at all. */
export interface TokenRecord {
  readonly userId: string
  readonly held: HeldToken | null
  readonly intent: TokenIntent | null
  /** Ids of tokens of ours that are still to be revoked. */
  readonly revoking: readonly string[]
  /** Milliseconds since 1970 of the last replacement; 0: never. */
  readonly replacedAt: number
}

/** A record together with the bytes that it was read from, which it is written over. */
export interface StoredTokenRecord {
  readonly record: TokenRecord
  readonly bytes: Uint8Array | null
}

/** The token records of a store. */
export class TokenRecords {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async read(userId: string): Promise<StoredTokenRecord> {
    const name = prefix + userId
    const bytes = await this.#store.get(name)
    const record = bytes === null ? emptyRecord(userId) : parse(name, bytes)
    return { record, bytes }
  }

  /** @returns null: somebody else has written it since it was read */
  async write(over: StoredTokenRecord, record: TokenRecord): Promise<StoredTokenRecord | null> {
    const bytes = isEmpty(record) ? null : new TextEncoder().encode(JSON.stringify(record))
    const written = await this.#store.compareAndSet(prefix + record.userId, over.bytes, bytes)
    return written ? { record, bytes } : null
  }

  /** Users with an intent that is not settled, or a token that is still to be revoked. */
  async unsettledUsers(): Promise<string[]> {
    const users: string[] = []
    for await (const { name, value } of this.#store.list(prefix)) {
      const record = parse(name, value)
      if (!isSettled(record)) users.push(record.userId)
    }
    return users
  }
}

export function isSettled({ intent, revoking }: TokenRecord): boolean {
  return intent === null && revoking.length === 0
}

function emptyRecord(userId: string): TokenRecord {
  return { userId, held: null, intent: null, revoking: [], replacedAt: 0 }
}

function isEmpty(record: TokenRecord): boolean {
  return record.held === null && isSettled(record)
}

/** Errors name the record, never what is in it. */
function parse(name: string, bytes: Uint8Array): TokenRecord {
  const value = parseJson(bytes)
  if (isRecord(value) && prefix + value.userId === name) return value
  throw new Fault('ERR_STORE_DAMAGED', `the record ${name} is not one of a token`)
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is TokenRecord {
  if (typeof value !== 'object' || value === null) return false
  const { userId, held, intent, revoking, replacedAt } = value as Partial<TokenRecord>
  return (
    typeof userId === 'string' &&
    typeof replacedAt === 'number' &&
    Array.isArray(revoking) &&
    revoking.every((id) => typeof id === 'string') &&
    (held === null || (typeof held?.tokenId === 'string' && typeof held.token === 'string')) &&
    (intent === null || (typeof intent?.description === 'string' && typeof intent.triedAt === 'number'))
  )
}
