import type { RequestPath } from '../intake/facts.js'

const tokenParameter = 'access_token'

/** The target as it came. */
export function originalTarget(path: RequestPath): string {
  return path.query === null ? path.raw : `${path.raw}?${path.query}`
}

/** The target without any `access_token`, however its name is spelt; everything else byte for byte. */
export function targetWithoutToken(path: RequestPath): string {
  const { raw, query } = path
  if (query === null) return raw
  // No spelling of the name does without either.
  if (!query.includes('%') && !query.includes(tokenParameter)) return `${raw}?${query}`
  const kept = query
    .split('&')
    .map(withoutToken)
    .filter((parameter) => parameter !== null)
  return kept.length === 0 ? raw : `${raw}?${kept.join('&')}`
}

/**
 * Null: the parameter is the token. Go before 1.17, and so an old Mattermost, separates at `;` too; a
 * later one ignores a parameter that holds one, and shall go on ignoring it.
 */
function withoutToken(parameter: string): string | null {
  if (!parameter.includes(';')) return isToken(parameter) ? null : parameter
  const parts = parameter.split(';')
  const kept = parts.filter((part) => !isToken(part))
  return kept.length === parts.length ? parameter : `${kept.join(';')};`
}

function isToken(parameter: string): boolean {
  const equals = parameter.indexOf('=')
  return decodeOnce(equals === -1 ? parameter : parameter.slice(0, equals)) === tokenParameter
}

/** Form decoding of what can matter in a name that is all ASCII. */
function decodeOnce(name: string): string {
  return name.replace(/%([0-9a-f]{2})/gi, (_escape, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}
