import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for what happens by itself, at most 10 seconds: then the last look is what the test judges. */
export async function eventually<T>(look: () => T | Promise<T>, wanted: (seen: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 400; tries += 1) {
    const seen = await look()
    if (wanted(seen)) return seen
    await sleep(25)
  }
  return look()
}
