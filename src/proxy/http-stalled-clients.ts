/** Something that may wait for its client. */
export interface Waiting {
  /** Another number after each piece that the client sent or took; null: nothing is waited for from it. */
  readonly progress: number | null
  cutOff(): void
}

/**
 * Cuts off clients that keep a connection to Mattermost busy and do nothing: by one sweep over those that
 * have something to send or to take, none of which costs a timer.
 */
export class StalledClients {
  readonly #waiting = new Map<Waiting, number | null>()
  readonly #timer: NodeJS.Timeout

  /** @param idleMs a client is cut off after one to two of these */
  constructor(idleMs: number) {
    this.#timer = setInterval(() => this.#sweep(), idleMs).unref()
  }

  watch(waiting: Waiting): void {
    if (!this.#waiting.has(waiting)) this.#waiting.set(waiting, null)
  }

  forget(waiting: Waiting): void {
    this.#waiting.delete(waiting)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #sweep(): void {
    for (const [waiting, before] of this.#waiting) {
      const { progress } = waiting
      if (progress !== null && progress === before) waiting.cutOff()
      else this.#waiting.set(waiting, progress)
    }
  }
}
