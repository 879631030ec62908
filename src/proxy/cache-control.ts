/** Longer ones say nothing that a browser would have to know. */
const longest = 1_024

/** Quoted strings are stepped over: `no-cache="public"` names a field. */
const publicDirective = /"(?:[^"\\]|\\.)*"|(?<=^|,)([ \t]*)public(?=[ \t]*(?:,|$))/gi

/**
 * A Cache-Control value in which the directive `public` has become `private` (RFC 9111 §5.2.2). One beyond
 * all measure is `private` as a whole: looking for its quotes could take very long.
 */
export function madePrivate(value: string): string {
  if (value.length > longest) return 'private'
  return value.replace(publicDirective, (found, blank: string | undefined) =>
    blank === undefined ? found : `${blank}private`,
  )
}
