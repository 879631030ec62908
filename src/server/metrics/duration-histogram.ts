import { Histogram, type MetricValueWithName } from 'prom-client'

/** Upper bounds in seconds: from a cached verdict (some 50 µs) to an upload that takes half a minute. */
const boundsSeconds = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
  10, 30,
] as const

/** Durations of one kind. `observe` is a few nanoseconds; prom-client's own takes 190. */
export class Durations {
  /** One more than there are bounds: what is above the last. */
  readonly #counts = new Float64Array(boundsSeconds.length + 1)
  #sumSeconds = 0

  observe(durationMs: number): void {
    const seconds = durationMs / 1_000
    let index = 0
    for (const bound of boundsSeconds) {
      if (seconds <= bound) break
      index += 1
    }
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#sumSeconds += seconds
  }

  /** Cumulative counts by upper bound, and the sum, as Prometheus wants them. */
  series(): { readonly buckets: readonly (readonly [le: number | string, count: number])[]; sum: number } {
    let below = 0
    const buckets = [...this.#counts].map((count, index) => {
      below += count
      return [boundsSeconds[index] ?? '+Inf', below] as const
    })
    return { buckets, sum: this.#sumSeconds }
  }
}

/** What prom-client writes of the stages' durations, which are counted here. */
export class StageDurations extends Histogram<'stage' | 'le'> {
  /** Never observed: it knows how prom-client names a histogram's kind. */
  readonly #head: Histogram<'stage' | 'le'>
  readonly #name: string
  readonly #stages: ReadonlyMap<string, Durations>

  constructor(name: string, help: string, stages: ReadonlyMap<string, Durations>) {
    super({ name, help, labelNames: ['stage'], registers: [] })
    this.#head = new Histogram({ name, help, registers: [] })
    this.#name = name
    this.#stages = stages
  }

  override async get(): ReturnType<Histogram<'stage' | 'le'>['get']> {
    const values = [...this.#stages].flatMap((one) => this.#values(one))
    return { ...(await this.#head.get()), values }
  }

  /** What the registry asks in place of `get` where it is there. */
  getForPromString(): ReturnType<Histogram<'stage' | 'le'>['get']> {
    return this.get()
  }

  #values([stage, durations]: readonly [string, Durations]): MetricValueWithName<'stage' | 'le'>[] {
    const name = this.#name
    const { buckets, sum } = durations.series()
    const [, count] = buckets.at(-1) ?? [0, 0]
    return [
      ...buckets.map(([le, value]) => ({ metricName: `${name}_bucket`, value, labels: { stage, le } })),
      { metricName: `${name}_sum`, value: sum, labels: { stage } },
      { metricName: `${name}_count`, value: count, labels: { stage } },
    ]
  }
}
