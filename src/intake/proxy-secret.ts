import { createHash, timingSafeEqual } from 'node:crypto'

/** The secrets with which the proxy proves that it is the proxy: two while one is being changed. */
export class ProxySecrets {
  readonly #digests: readonly Buffer[]

  constructor(secrets: readonly string[]) {
    this.#digests = secrets.map(digest)
  }

  /** Without any secret configured everything passes. */
  accept(presented: string | null): boolean {
    if (this.#digests.length === 0) return true
    if (presented === null) return false
    const given = digest(presented)
    // All are compared, each in constant time: how long it takes says nothing.
    return this.#digests.reduce((accepted, known) => timingSafeEqual(given, known) || accepted, false)
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
