// What every fuzz run has in common: time and memory of each round, and a count of what came of them.
import { mutations, randomFrom } from './fuzz-mutations.mjs'

const mostMs = 50
const mostBytes = 64 * 2 ** 20

/**
 * @param what is mutated, for people
 * @param make what one round looks at
 * @param judge a word for what comes of it; a throw is a failure
 * @returns whether each round ended well, in time and memory
 */
export async function fuzz({ what, count, seed, make, judge }) {
  const random = randomFrom(seed)
  const outcomes = new Map()
  let slowest = { ms: 0, what: '' }
  let largest = 0
  let failures = 0
  const startedAt = performance.now()
  for (let number = 0; number < count; number += 1) {
    const mutation = mutations[number % mutations.length]
    const made = await make({ mutation, random })
    const before = process.memoryUsage()
    try {
      let { ms, outcome } = await timed(judge, made)
      const after = process.memoryUsage()
      largest = Math.max(largest, after.heapUsed + after.external - before.heapUsed - before.external)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      // Whoever comes while garbage is collected, or the machine is busy, pays for others: asked again.
      if (ms > mostMs) ms = Math.min(ms, (await timed(judge, made)).ms)
      if (ms > slowest.ms) slowest = { ms, what: `${number} ${mutation}` }
    } catch (error) {
      failures += 1
      console.error(`${number} ${mutation}: ${error.stack}`)
    }
  }
  const seconds = (performance.now() - startedAt) / 1000
  console.log(`${count} ${what} in ${seconds.toFixed(1)} s, ${failures} failures`)
  console.log(Object.fromEntries([...outcomes].toSorted()))
  console.log(`slowest ${slowest.ms.toFixed(1)} ms: ${slowest.what}`)
  const resident = process.memoryUsage().rss
  console.log(
    `most memory by one ${(largest / 2 ** 20).toFixed(1)} MiB, resident ${(resident / 2 ** 20).toFixed(0)} MiB`,
  )
  return failures === 0 && slowest.ms <= mostMs && largest <= mostBytes
}

async function timed(judge, made) {
  const began = performance.now()
  const outcome = await judge(made)
  return { outcome, ms: performance.now() - began }
}
