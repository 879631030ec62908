import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DerError } from '../../x509/der.js'
import { type Crl, readLongCrl } from './crl.js'
import { blocksOf } from './list-blocks.js'

/** What is wrong with a file; lines count from 1. */
export interface CrlIssue {
  readonly file: string
  readonly line: number
  /** What is wrong, then what to do. */
  readonly message: string
}

export interface ReadLists {
  readonly lists: readonly Crl[]
  readonly issues: readonly CrlIssue[]
}

/** Every list in these files, and in the files of these folders, PEM or DER. @throws an error of the file system */
export async function readCrlFiles(paths: readonly string[]): Promise<ReadLists> {
  const lists: Crl[] = []
  const issues: CrlIssue[] = []
  for (const file of await filesOf(paths)) {
    const found = await readFileOfLists(file)
    lists.push(...found.lists)
    issues.push(...found.issues)
  }
  return { lists, issues }
}

/** Files as they are; of a folder every file in it but hidden ones, which are often half-written. */
async function filesOf(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = []
  for (const path of paths) {
    if (!(await stat(path)).isDirectory()) found.push(path)
    else {
      const names = (await readdir(path)).filter((name) => !name.startsWith('.')).toSorted()
      for (const name of names) if ((await stat(join(path, name))).isFile()) found.push(join(path, name))
    }
  }
  return found
}

async function readFileOfLists(file: string): Promise<ReadLists> {
  return readLists(await readFile(file), file)
}

/** Every list in these bytes, PEM or DER. @param file or URL that they came from */
export async function readLists(bytes: Buffer, file: string): Promise<ReadLists> {
  const blocks = await blocksOf(bytes)
  if ('message' in blocks) return { lists: [], issues: [{ file, ...blocks }] }
  const lists: Crl[] = []
  const issues: CrlIssue[] = []
  for (const { der, line } of blocks) {
    try {
      lists.push(await readLongCrl(der, file))
    } catch (error) {
      if (!(error instanceof DerError)) throw error
      issues.push({
        file,
        line,
        message: `not a proper CRL (${error.message}): fetch it anew from its authority`,
      })
    }
  }
  return { lists, issues }
}
