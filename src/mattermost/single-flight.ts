/** What is asked for many times at once is done once; each caller gets the same answer. */
export class SingleFlight<Result> {
  readonly #running = new Map<string, Promise<Result>>()

  run(key: string, action: () => Promise<Result>): Promise<Result> {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const started = action().finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }

  /** Resolves when what runs now for this key, if anything, is over, however it ended. */
  async over(key: string): Promise<void> {
    await Promise.allSettled([this.#running.get(key)])
  }

  /** Resolves when nothing of what runs now is running any more, however it ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }
}
