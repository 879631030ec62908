import type { Config } from '../config/config.js'
import { ConfigError } from '../core/config-error.js'

/** Characters that nginx's configuration reads as they are, outside quotes too. */
const plain = /^[A-Za-z0-9_./:@%+,=[\]-]+$/

/**
 * One word of nginx's configuration, quoted where it must be.
 *
 * @returns null for what cannot be written safely: nginx has no escape for `$`, and control characters
 *   would end a line or a comment.
 */
function quote(word: string): string | null {
  if (word === '' || /[$\p{Cc}\u2028\u2029]/u.test(word)) return null
  return plain.test(word) ? word : `"${word.replaceAll(/["\\]/g, '\\$&')}"`
}

/** One word of a shell command in a comment. */
function shellQuote(word: string): string {
  return plain.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** There is no site for this configuration, or not with this value. */
export function siteError(config: Config, message: string): ConfigError {
  return new ConfigError([{ file: config.file ?? '<config>', line: 1, column: 1, message }])
}

/** @throws ConfigError that names the key, where the value cannot be written. */
export function nginxWord(config: Config, key: string, value: string): string {
  const quoted = quote(value)
  if (quoted !== null) return quoted
  throw siteError(
    config,
    `${key}: holds a $ or a control character, which nginx cannot take in a path: rename it`,
  )
}

/** The same for a path in a command that a comment shows. */
export function shellWord(config: Config, key: string, path: string): string {
  nginxWord(config, key, path)
  return shellQuote(path)
}
