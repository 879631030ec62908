import { readFileSync } from 'node:fs'

/** Of the package that runs; the same file from `src` and from `dist`. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  const found: unknown = JSON.parse(text)
  const isPackage = typeof found === 'object' && found !== null && 'version' in found
  return isPackage && typeof found.version === 'string' ? found.version : 'unknown'
}
