import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Says when files have changed, by looking: what tells of changes by itself tells nothing of a file
 * behind a link, on a network or replaced as a whole. A look is taken only when the next one equals it,
 * so that a file that is still being written is not.
 */
export class FileWatch {
  readonly #files: () => readonly string[]
  #taken: string
  #before: string

  /** @param taken the look under which the files in use were read */
  constructor(files: () => readonly string[], taken: string) {
    this.#files = files
    this.#taken = taken
    this.#before = taken
  }

  /** The look to read the files under; null: nothing has changed, or is changing still. */
  async changed(): Promise<string | null> {
    const look = await lookAt(this.#files())
    const settled = look === this.#before
    this.#before = look
    return settled && look !== this.#taken ? look : null
  }

  /** Whether the files still look so. */
  async still(look: string): Promise<boolean> {
    return look === (await lookAt(this.#files()))
  }

  /** What was read under this look counts, be it good or bad: it is not read again. */
  take(look: string): void {
    this.#taken = look
    this.#before = look
  }
}

/** Inode, size and time of every file. */
export async function lookAt(files: readonly string[]): Promise<string> {
  const looks = await Promise.all(files.map(lookAtOne))
  return looks.join('\n')
}

/** Of a folder its files, too: what is written into one of them does not show on the folder. */
async function lookAtOne(file: string): Promise<string> {
  try {
    const found = await stat(file, { bigint: true })
    const { dev, ino, size, mtimeNs } = found
    const look = `${file} ${dev} ${ino} ${size} ${mtimeNs}`
    if (!found.isDirectory()) return look
    const names = (await readdir(file)).toSorted()
    const within = await Promise.all(names.map((name) => lookAtOne(join(file, name))))
    return [look, ...within].join('\n')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return `${file} ${code}`
  }
}
