import type { AuditHandle, OpenedAuditFile } from './opening.js'

/** Written and taken back, to see whether there is room again: a crash in between leaves a torn line. */
const probe = Buffer.alloc(4_096, ' ')

/** An open audit file that ends in a whole line: what is not written whole is taken back. */
export class AppendFile {
  readonly inode: number
  readonly #handle: AuditHandle
  #length: number

  constructor({ inode, handle, length }: OpenedAuditFile) {
    this.inode = inode
    this.#handle = handle
    this.#length = length
  }

  /** @throws where not all of it was taken; then `takeBack` is due. */
  async append(bytes: Buffer): Promise<void> {
    const { bytesWritten } = await this.#handle.write(bytes)
    if (bytesWritten !== bytes.length) throw new Error(`${bytesWritten} of ${bytes.length} bytes were taken`)
    this.#length += bytes.length
  }

  /** Cuts off what stands behind the last whole line; a file that somebody shortened is left as it is. */
  async takeBack(): Promise<void> {
    const { size } = await this.#handle.stat()
    if (size > this.#length) await this.#handle.truncate(this.#length)
  }

  /** @throws where it cannot be written. */
  async probe(): Promise<void> {
    await this.takeBack()
    const { bytesWritten } = await this.#handle.write(probe)
    await this.takeBack()
    if (bytesWritten !== probe.length) throw new Error(`${bytesWritten} of ${probe.length} bytes were taken`)
  }

  /** Forces it to the disk, and closes it in any case. */
  async close(): Promise<void> {
    try {
      await this.#handle.datasync()
    } finally {
      await this.#handle.close()
    }
  }
}
