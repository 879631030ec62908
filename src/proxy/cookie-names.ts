/**
 * A Cookie header without the cookies of these names, the others byte for byte and in order; empty
 * where none is left. Read as Go's net/http does, for whom a quoted `;` separates too, and a name
 * without `=` is a cookie with an empty value.
 */
export function withoutCookies(value: string, names: readonly string[]): string {
  if (!names.some((name) => value.includes(name))) return value
  const pairs = value.split(';')
  const kept = pairs.filter((pair) => !names.includes(cookieName(pair)))
  if (kept.length === pairs.length) return value
  return kept.join(';').replace(/^[ \t]+/, '')
}

/** The name in a pair of Cookie, or in a whole Set-Cookie value; names are case-sensitive. */
export function cookieName(text: string): string {
  const pairEnd = text.indexOf(';')
  const pair = pairEnd === -1 ? text : text.slice(0, pairEnd)
  const equals = pair.indexOf('=')
  return (equals === -1 ? pair : pair.slice(0, equals)).trim()
}
