import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../config/config.js'
import { type Finding, fail, ok, reasonOf, warn } from './finding.js'

/** Folders that the service writes to, and the modes of what others must not read. */
export async function checkFiles(config: Config): Promise<Finding[]> {
  const findings = [
    ...(await writable('audit.file', dirname(config.audit.file))),
    ...(await store(config)),
    ...(config.listen.kind === 'socket' ? await writable('listen.socket', dirname(config.listen.path)) : []),
  ]
  return findings.length > 0 ? findings : [ok('files', 'folders can be written to, secrets are kept')]
}

async function writable(key: string, folder: string): Promise<Finding[]> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return []
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const text = missing
      ? `${key}: the folder ${folder} does not exist`
      : `${key}: ${folder} cannot be written to by this user`
    const remedy = missing
      ? `make it, for the service's user (install -d -o mattergate -m 0750 ${folder})`
      : "give it to the service's user, or run this as that user (sudo -u mattergate)"
    return [fail('files', text, remedy)]
  }
}

async function store({ sessions: { path } }: Config): Promise<Finding[]> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) === 0) return await writable('sessions.path', path)
    const text = `sessions.path: ${path} has mode ${(mode & 0o777).toString(8).padStart(4, '0')}: others can look into it`
    return [warn('files', text, `chmod 0700 ${path}`)]
  } catch (error) {
    // It is made at the first start, in a folder that is there.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return writable('sessions.path', dirname(path))
    return [fail('files', `sessions.path: ${reasonOf(error)}`, 'correct the path')]
  }
}
