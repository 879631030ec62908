import { execFile } from 'node:child_process'
import { errorFields, type Log } from '../front/log.js'

/** systemd-notify waits until systemd has read the message; one that hangs must not pile up. */
const longestMs = 5_000

export interface SystemdNotifyOptions {
  readonly log: Log
  /** The program; tests name another. */
  readonly program?: string
}

/**
 * Tells systemd how the service is (sd_notify(3)), by the program `systemd-notify`, since Node has no
 * datagram sockets of the unix kind. The message comes from a child of ours: the unit needs
 * `NotifyAccess=all`. Without NOTIFY_SOCKET everything here does nothing, and a failure is logged once and
 * stops nothing.
 *
 * The watchdog follows the event loop alone: its timer stands still when the loop is stuck. A gateway that
 * is not ready goes on sending: it heals by itself (the audit each second), and a restart would end every
 * websocket and mend nothing.
 */
export class SystemdNotify {
  readonly #socket: string | null
  readonly #watchdogMs: number | null
  readonly #options: SystemdNotifyOptions
  /** Messages arrive in the order in which they were given. */
  #last: Promise<void> = Promise.resolve()
  #watchdog: NodeJS.Timeout | null = null
  #alive = false
  #failed = false

  /** @param environment of the process: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID */
  constructor(environment: NodeJS.ProcessEnv, options: SystemdNotifyOptions) {
    const socket = environment.NOTIFY_SOCKET ?? ''
    this.#socket = socket === '' ? null : socket
    this.#watchdogMs = this.#socket === null ? null : watchdogInterval(environment)
    this.#options = options
  }

  /** Started, or reloaded: the watchdog begins. @param status one line, as `systemctl status` shows it */
  ready(status: string): Promise<void> {
    if (this.#watchdogMs !== null && this.#watchdog === null) {
      this.#watchdog = setInterval(() => this.#tellAlive(), this.#watchdogMs)
      this.#watchdog.unref()
    }
    return this.#send('READY=1', statusLine(status))
  }

  /** To be followed by `ready`, whether the reload was taken or not. */
  reloading(): Promise<void> {
    return this.#send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`)
  }

  status(status: string): Promise<void> {
    return this.#send(statusLine(status))
  }

  stopping(): Promise<void> {
    return this.#send('STOPPING=1', statusLine('stopping'))
  }

  /** Ends the watchdog and waits for what is on its way. */
  async close(): Promise<void> {
    if (this.#watchdog !== null) clearInterval(this.#watchdog)
    this.#watchdog = null
    await this.#last
  }

  /** One at a time: a slow systemd is not asked twice. */
  #tellAlive(): void {
    if (this.#alive) return
    this.#alive = true
    void this.#send('WATCHDOG=1').finally(() => {
      this.#alive = false
    })
  }

  #send(...messages: readonly string[]): Promise<void> {
    const socket = this.#socket
    if (socket === null) return Promise.resolve()
    this.#last = this.#last.then(() => this.#run(socket, messages))
    return this.#last
  }

  #run(socket: string, messages: readonly string[]): Promise<void> {
    const env = { NOTIFY_SOCKET: socket, PATH: process.env.PATH ?? '/usr/bin:/bin' }
    return new Promise((resolve) => {
      execFile(
        this.#options.program ?? 'systemd-notify',
        [...messages],
        { env, timeout: longestMs, killSignal: 'SIGKILL' },
        (error) => {
          if (error !== null) this.#note(error)
          resolve()
        },
      )
    })
  }

  #note(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#options.log.warn(
      errorFields(error),
      'systemd was not told: systemd-notify failed; further failures are not logged',
    )
  }
}

/** Half of what systemd allows (sd_watchdog_enabled(3)); null: it does not watch this process. */
function watchdogInterval(environment: NodeJS.ProcessEnv): number | null {
  const { WATCHDOG_USEC: microseconds = '', WATCHDOG_PID: pid } = environment
  if (pid !== undefined && pid !== String(process.pid)) return null
  if (!/^[1-9]\d{0,14}$/.test(microseconds)) return null
  return Math.max(1, Math.min(Math.floor(Number(microseconds) / 2_000), 2 ** 31 - 1))
}

/** STATUS= is one line of UTF-8. */
function statusLine(status: string): string {
  return `STATUS=${status.replace(/\p{Cc}+/gu, ' ').slice(0, 200)}`
}
