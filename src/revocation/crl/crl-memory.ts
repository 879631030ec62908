import { createHash } from 'node:crypto'
import type { Store } from '../../store/store.js'
import type { Crl } from './crl.js'

/** How new the newest list of one issuer and scope was that was ever in use. */
interface Newest {
  readonly number: string | null
  /** Milliseconds since 1970. */
  readonly thisUpdate: number
}

/** Remembers the newest lists over restarts: an older one, put in their place, is never believed. */
export class CrlMemory {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Those that are not older than what was in use before; they are the newest from now on. */
  async keepNewest(
    trust: string,
    lists: readonly Crl[],
  ): Promise<{ readonly kept: readonly Crl[]; readonly older: readonly Crl[] }> {
    const kept: Crl[] = []
    const older: Crl[] = []
    for (const crl of lists) {
      const name = recordName(trust, crl)
      const known = parseNewest(await this.#store.get(name))
      if (known !== null && isOlder(newestOf(crl), known)) {
        older.push(crl)
        continue
      }
      kept.push(crl)
      if (known === null || isOlder(known, newestOf(crl))) {
        await this.#store.put(name, new TextEncoder().encode(JSON.stringify(newestOf(crl))))
      }
    }
    return { kept, older }
  }
}

function newestOf({ head }: Crl): Newest {
  return { number: head.number?.toString(16) ?? null, thisUpdate: head.thisUpdate }
}

/** By number, which never falls (RFC 5280 §5.2.3); without one by the moment of issue. */
export function isOlder(one: Newest, other: Newest): boolean {
  if (one.number === null || other.number === null) return one.thisUpdate < other.thisUpdate
  const [left, right] = [BigInt(`0x${one.number}`), BigInt(`0x${other.number}`)]
  return left === right ? one.thisUpdate < other.thisUpdate : left < right
}

/** Of one trust, issuer and scope; complete lists and their changes are numbered together and kept apart. */
function recordName(trust: string, { head }: Crl): string {
  const what = [head.issuer.key, head.scope?.encoding ?? '', head.baseNumber === null ? 'complete' : 'delta']
  return `crl/${trust}/${createHash('sha256').update(JSON.stringify(what)).digest('hex')}`
}

function parseNewest(record: Uint8Array | null): Newest | null {
  if (record === null) return null
  const value: unknown = JSON.parse(new TextDecoder().decode(record))
  if (typeof value !== 'object' || value === null) return null
  const { number = null, thisUpdate } = value as Partial<Newest>
  if (typeof thisUpdate !== 'number' || (number !== null && typeof number !== 'string')) return null
  return { number, thisUpdate }
}
