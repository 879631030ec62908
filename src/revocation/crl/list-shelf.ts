import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What nobody has fetched for so long is in use no more. */
const forgottenMs = 90 * 86_400_000

/** Keeps fetched lists on disk: after a restart they are at hand, whether their authority answers or not. */
export class ListShelf {
  readonly #folder: string

  /** @param folder made, with mode 0700, where it is missing */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** What was fetched from there for this trust; null: nothing is kept. @throws an error of the file system */
  async read(trust: string, url: string): Promise<Buffer | null> {
    try {
      return await readFile(this.#fileOf(trust, url))
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  /** Whole or not at all. @throws an error of the file system */
  async write(trust: string, url: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const file = this.#fileOf(trust, url)
    const half = `${file}.${process.pid}.new`
    try {
      await writeFile(half, bytes, { mode: 0o600, flush: true })
      await rename(half, file)
    } catch (error) {
      await rm(half, { force: true })
      throw error
    }
  }

  async remove(trust: string, url: string): Promise<void> {
    await rm(this.#fileOf(trust, url), { force: true })
  }

  /** Removes what is in use no more. @throws an error of the file system */
  async tidy(nowMs: number): Promise<void> {
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    for (const name of names) {
      const file = join(this.#folder, name)
      const { mtimeMs } = await stat(file)
      if (nowMs - mtimeMs > forgottenMs) await rm(file, { force: true })
    }
  }

  #fileOf(trust: string, url: string): string {
    const name = createHash('sha256')
      .update(JSON.stringify([trust, url]))
      .digest('hex')
    return join(this.#folder, `${name}.crl`)
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
