import { readFileSync } from 'node:fs'
import { Fault } from '../core/faults.js'

/**
 * The administrator's personal access token from a file of one line.
 *
 * @throws Fault ERR_MATTERMOST_CREDENTIAL naming the file, never what is in it
 */
export function readAdminToken(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new Fault(
      'ERR_MATTERMOST_CREDENTIAL',
      `the administrator's token cannot be read from ${file}: see mattermost.admin.tokenFile`,
      { cause },
    )
  }
  if (!/^[\x21-\x7e]{1,256}$/.test(text)) {
    const what = text === '' ? 'is empty' : 'does not hold one line with a token alone'
    throw new Fault(
      'ERR_MATTERMOST_CREDENTIAL',
      `${file} ${what}: it must hold a personal access token of a system administrator`,
    )
  }
  return text
}
