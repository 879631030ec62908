import type { Answer } from './answer.js'

/** How a connection is cut: before anything is answered, or in the middle of a body. */
export type Cut = 'destroy' | 'destroy-in-body'

/** Something that a test lets happen to the next request for a path, before the server sees it. */
interface Planned {
  readonly path: string
  readonly happen: () => Promise<Answer | Cut | null>
}

export interface HeldRequest {
  /** Resolves when the request is there. */
  readonly arrived: Promise<void>
  /** Lets the server answer it. */
  readonly release: () => void
}

/** Disturbances for tests of callers: slow, held, failed and cut-off answers. Paths are decoded, without query. */
export class Faults {
  /** True: every connection is cut off, as if the server were not there. */
  down = false
  readonly #delaysMs = new Map<string, number>()
  #planned: Planned[] = []

  /** Every answer for this path comes that much later; 0 ends it. */
  delay(path: string, delayMs: number): void {
    this.#delaysMs.set(path, delayMs)
  }

  holdNext(path: string): HeldRequest {
    const arrival = deferred()
    const release = deferred()
    const happen = async () => {
      arrival.resolve()
      await release.promise
      return null
    }
    this.#planned.push({ path, happen })
    return { arrived: arrival.promise, release: release.resolve }
  }

  /** The next request for this path gets this answer, or its connection is cut. */
  answerNext(path: string, answer: Answer | Cut): void {
    this.#planned.push({ path, happen: () => Promise.resolve(answer) })
  }

  /** What happens to a request for this path: an answer in the server's place, a cut, or nothing (null). */
  async meet(path: string): Promise<Answer | Cut | null> {
    const delayMs = this.#delaysMs.get(path) ?? 0
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    const found = this.#planned.find((planned) => planned.path === path)
    if (found === undefined) return null
    this.#planned = this.#planned.filter((planned) => planned !== found)
    return found.happen()
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
