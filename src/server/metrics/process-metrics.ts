import { readdir, readFile } from 'node:fs/promises'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

const resolutionMs = 10

/** How late the event loop is; `close` ends the measuring. */
export class EventLoopLag {
  readonly #delay: IntervalHistogram

  constructor() {
    this.#delay = monitorEventLoopDelay({ resolution: resolutionMs })
    this.#delay.enable()
  }

  /** Seconds since the last call, which begins a new span. */
  take(): { readonly p50: number; readonly p99: number; readonly max: number } {
    const lag = {
      p50: this.#seconds(this.#delay.percentile(50)),
      p99: this.#seconds(this.#delay.percentile(99)),
      max: this.#seconds(this.#delay.max),
    }
    this.#delay.reset()
    return lag
  }

  close(): void {
    this.#delay.disable()
  }

  /** What is measured is the time between two ticks, the tick's own length included. */
  #seconds(nanoseconds: number): number {
    return Math.max(0, nanoseconds / 1e9 - resolutionMs / 1_000)
  }
}

/** The process as Prometheus's client libraries describe it; file descriptors where /proc shows them. */
export function registerProcessMetrics(registry: Registry, lag: EventLoopLag): void {
  const registers = [registry]
  new Gauge({
    name: 'mattergate_event_loop_lag_seconds',
    help: 'How late the event loop was since the last scrape, by statistic.',
    labelNames: ['statistic'],
    registers,
    collect() {
      for (const [statistic, seconds] of Object.entries(lag.take())) this.set({ statistic }, seconds)
    },
  })
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process in bytes.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    },
  })
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time of the process in seconds.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  const startedAt = Date.now() / 1_000 - process.uptime()
  const started = new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process was started, in seconds since 1970.',
    registers,
  })
  started.set(startedAt)
  registerFileDescriptors(registry)
}

function registerFileDescriptors(registry: Registry): void {
  new Gauge({
    name: 'process_open_fds',
    help: 'Open file descriptors.',
    registers: [registry],
    async collect() {
      const count = await openFileDescriptors()
      if (count !== null) this.set(count)
    },
  })
  new Gauge({
    name: 'process_max_fds',
    help: 'The most file descriptors that may be open (LimitNOFILE).',
    registers: [registry],
    async collect() {
      const limit = await mostFileDescriptors()
      if (limit !== null) this.set(limit)
    },
  })
}

/** Null where there is no /proc, or none is left to look with. */
async function openFileDescriptors(): Promise<number | null> {
  return readdir('/proc/self/fd').then(
    (names) => names.length,
    () => null,
  )
}

async function mostFileDescriptors(): Promise<number | null> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1]
  return soft === undefined ? null : Number(soft)
}
