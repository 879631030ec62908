import type { Clock } from '../core/clock.js'
import { Fault } from '../core/faults.js'
import { AppendFile } from './append-file.js'
import { type AuditEvent, serializeEvent } from './event.js'
import { genesis, sealLine } from './hash-chain.js'
import {
  type ChainPosition,
  failed,
  type OpenAuditHandle,
  type OpenedAuditFile,
  openAuditFile,
  openRegularFile,
} from './opening.js'

export interface AuditLogOptions {
  /** A regular file, or a symbolic link to one; made with mode 0640 where it is missing. */
  readonly file: string
  /** Whether each line carries `prev` and `hash`. */
  readonly chain: boolean
  readonly clock: Clock
  /** How often an unwritable file is tried again; default 1,000. */
  readonly probeMs?: number
  /** Default: the file system. */
  readonly open?: OpenAuditHandle
}

interface Pending {
  readonly event: AuditEvent
  readonly timeMs: number
  readonly resolve: () => void
  readonly reject: (fault: Fault) => void
}

/**
 * Opens the audit file and takes up its chain where it ended. A last line torn by a crash is moved to
 * FILE.torn-TIME first.
 *
 * @throws Fault ERR_AUDIT_IO where FILE is no regular file, no audit file of ours, or cannot be opened:
 *   the operator's mistake, told in its message.
 */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  return new AuditLog(options, await openFileOf(options))
}

/**
 * One line per event, in the order of the calls. Events that are written in one turn of the event loop,
 * or while a write is under way, share one write to the file.
 *
 * When `write` resolves the kernel has the line, so it outlives our own end. A power cut may take the
 * last seconds: only `close` and `reopen` force the file to the disk.
 */
export class AuditLog {
  readonly #options: AuditLogOptions
  #file: AppendFile
  #position: ChainPosition
  #pending: Pending[] = []
  /** The end of what was asked of the file so far: one thing at a time. */
  #last: Promise<unknown> = Promise.resolve()
  #broken: Fault | null = null
  #probing: NodeJS.Timeout | null = null
  #closed = false

  /** Called by `openAuditLog`. */
  constructor(options: AuditLogOptions, opened: OpenedAuditFile) {
    this.#options = options
    this.#file = new AppendFile(opened)
    this.#position = opened.position ?? { seq: 0, hash: options.chain ? genesis : null }
  }

  /** False: every write is refused until a probe could write again. */
  get writable(): boolean {
    return this.#broken === null && !this.#closed
  }

  /** Why it is not writable, for the status; null while it is. */
  get problem(): string | null {
    return this.#broken?.message ?? null
  }

  /** The number of the last line in the file; 0 before the first. */
  get seq(): number {
    return this.#position.seq
  }

  /** The hash of the last line in the file, for a journal elsewhere; null without a chain. */
  get headHash(): string | null {
    return this.#position.hash
  }

  /** Resolves when the line is in the file. @throws Fault ERR_AUDIT_IO: it is not, and never will be. */
  write(event: AuditEvent): Promise<void> {
    if (this.#broken !== null) return Promise.reject(this.#broken)
    if (this.#closed) return Promise.reject(this.#closedFault())
    const timeMs = this.#options.clock.now()
    return new Promise((resolve, reject) => {
      this.#pending.push({ event, timeMs, resolve, reject })
      // After the poll phase: the events of every request that was read in it go out together.
      if (this.#pending.length === 1) setImmediate(() => void this.#serially(() => this.#flush()))
    })
  }

  /**
   * Goes over to the file that now bears the name, after logrotate moved the old one. Its first line's
   * `prev` is the last hash of the old one. Without a new file nothing changes.
   *
   * @throws Fault ERR_AUDIT_IO: the new file cannot be taken, or the one in use was changed by somebody
   *   else, and the log goes on as before; or the old one could not be forced to the disk.
   */
  reopen(): Promise<void> {
    return this.#serially(async () => {
      if (this.#closed) throw this.#closedFault()
      // What is unfinished in the old file is taken back before nobody looks at it any more.
      await this.#probe()
      const opened = await openFileOf(this.#options)
      if (!this.#continuesIn(opened)) {
        await opened.handle.close()
        throw new Fault('ERR_AUDIT_IO', this.#whyNot(opened))
      }
      const old = this.#file
      this.#file = new AppendFile(opened)
      await this.#probe()
      await this.#closeFile(old)
    })
  }

  /** Writes what is pending, forces it to the disk and closes the file. @throws Fault ERR_AUDIT_IO */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#serially(async () => {
      await this.#flush()
      if (this.#probing !== null) clearTimeout(this.#probing)
      await this.#closeFile(this.#file)
    })
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => null)
    return done
  }

  async #flush(): Promise<void> {
    const batch = this.#pending
    if (batch.length === 0) return
    this.#pending = []
    try {
      const { text, position } = this.#serialize(batch)
      await this.#file.append(Buffer.from(text))
      this.#position = position
      for (const { resolve } of batch) resolve()
    } catch (error) {
      await this.#break(error, batch)
    }
  }

  #serialize(batch: readonly Pending[]): { text: string; position: ChainPosition } {
    let { seq, hash } = this.#position
    let text = ''
    for (const { event, timeMs } of batch) {
      seq += 1
      const body = serializeEvent(event, { timeMs, seq, prev: hash })
      const sealed = hash === null ? { line: body, hash } : sealLine(body)
      text += `${sealed.line}\n`
      hash = sealed.hash
    }
    return { text, position: { seq, hash } }
  }

  /** Nothing half-written stays, and nobody is told that his event was written. */
  async #break(cause: unknown, batch: readonly Pending[]): Promise<void> {
    const { file } = this.#options
    const fault = failed(file, 'writing', cause)
    this.#broken = fault
    const refused = [...batch, ...this.#pending]
    this.#pending = []
    try {
      await this.#file.takeBack()
    } catch (error) {
      // Each probe begins with taking it back again.
      this.#broken = failed(file, 'taking back an unfinished line', error)
    }
    for (const { reject } of refused) reject(fault)
    this.#probeLater()
  }

  #probeLater(): void {
    if (this.#probing !== null) clearTimeout(this.#probing)
    if (this.#closed) return
    const probe = () => void this.#serially(() => this.#probe())
    this.#probing = setTimeout(probe, this.#options.probeMs ?? 1_000).unref()
  }

  async #probe(): Promise<void> {
    if (this.#broken === null || this.#closed) return
    try {
      await this.#file.probe()
      this.#broken = null
    } catch (error) {
      this.#broken = failed(this.#options.file, 'trying to write again', error)
      this.#probeLater()
    }
  }

  /** It is empty (also where somebody copied and emptied it), or ends where we are. */
  #continuesIn({ position }: OpenedAuditFile): boolean {
    if (position === null) return true
    return position.seq === this.#position.seq && position.hash === this.#position.hash
  }

  #whyNot({ inode }: OpenedAuditFile): string {
    const { file } = this.#options
    return inode === this.#file.inode
      ? `${file}: somebody else changed the audit file while it was in use: verify it, and move it away`
      : `${file}: the new audit file already holds other events: move it away`
  }

  async #closeFile(file: AppendFile): Promise<void> {
    try {
      await file.close()
    } catch (error) {
      throw failed(this.#options.file, 'forcing it to the disk', error)
    }
  }

  #closedFault(): Fault {
    return new Fault('ERR_AUDIT_IO', `${this.#options.file}: the audit log is closed`)
  }
}

function openFileOf({ file, chain, clock, open }: AuditLogOptions): Promise<OpenedAuditFile> {
  return openAuditFile({ file, chain, timeMs: clock.now(), open: open ?? openRegularFile })
}
