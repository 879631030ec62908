/** How many requests may be under way to Mattermost: in all, for one person, and how many may wait how long. */
export interface SlotBounds {
  readonly most: number
  readonly mostForOne: number
  readonly mostWaiting: number
  readonly waitMs: number
}

interface Waiter {
  readonly holder: string
  readonly granted: (slot: boolean) => void
  readonly timer: NodeJS.Timeout
}

/**
 * Shares the connections to Mattermost out: nobody holds more than a part of them, however slowly he sends
 * or is answered, and who waits for one is told in time that there is none.
 */
export class UpstreamSlots {
  readonly #bounds: SlotBounds
  readonly #held = new Map<string, number>()
  readonly #waiting = new Set<Waiter>()
  #taken = 0

  constructor(bounds: SlotBounds) {
    this.#bounds = bounds
  }

  /**
   * @param holder whom the slot counts for
   * @param granted called later, once, where one has to be waited for: true with a slot, false in vain
   * @returns true: taken at once; false: there is none and too many wait; null: `granted` will say
   */
  take(holder: string, granted: (slot: boolean) => void): boolean | null {
    if (this.#fits(holder)) {
      this.#hold(holder)
      return true
    }
    if (this.#waiting.size >= this.#bounds.mostWaiting) return false
    const timer = setTimeout(() => {
      this.#waiting.delete(waiter)
      granted(false)
    }, this.#bounds.waitMs)
    const waiter: Waiter = { holder, granted, timer }
    this.#waiting.add(waiter)
    return null
  }

  free(holder: string): void {
    const left = (this.#held.get(holder) ?? 1) - 1
    if (left === 0) this.#held.delete(holder)
    else this.#held.set(holder, left)
    this.#taken -= 1
    this.#grantNext()
  }

  close(): void {
    for (const waiter of this.#waiting) this.#end(waiter, false)
  }

  #fits(holder: string): boolean {
    const { most, mostForOne } = this.#bounds
    return this.#taken < most && (this.#held.get(holder) ?? 0) < mostForOne
  }

  #hold(holder: string): void {
    this.#taken += 1
    this.#held.set(holder, (this.#held.get(holder) ?? 0) + 1)
  }

  /** The first who may have it: one who holds too many lets others past. */
  #grantNext(): void {
    for (const waiter of this.#waiting) {
      if (!this.#fits(waiter.holder)) continue
      this.#hold(waiter.holder)
      this.#end(waiter, true)
      return
    }
  }

  #end(waiter: Waiter, slot: boolean): void {
    this.#waiting.delete(waiter)
    clearTimeout(waiter.timer)
    waiter.granted(slot)
  }
}
