import { readFile } from 'node:fs/promises'
import { ConfigError } from '../core/config-error.js'
import { DenyList } from '../revocation/deny-list/deny-list.js'
import { parseDenyList } from '../revocation/deny-list/parse.js'

/** @throws ConfigError that names every line that is not understood */
export function readDenyList(file: string, text: string): DenyList {
  const { entries, issues } = parseDenyList(text)
  if (entries !== null) return new DenyList(entries)
  throw new ConfigError(issues.map(({ line, message }) => ({ file, line, column: 1, message })))
}

/** @throws ConfigError where it is no UTF-8 text */
export async function readDenyListText(file: string): Promise<string> {
  const bytes = await readFile(file)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new ConfigError([{ file, line: 1, column: 1, message: 'is not UTF-8 text: save it as such' }])
  }
}
