/** Quoted strings are stepped over: `no-cache="public"` names a field. */
const publicDirective = /"(?:[^"\\]|\\.)*"|(?<=^|,)([ \t]*)public(?=[ \t]*(?:,|$))/gi

/** A Cache-Control value in which the directive `public` has become `private` (RFC 9111 §5.2.2). */
export function madePrivate(value: string): string {
  return value.replace(publicDirective, (found, blank: string | undefined) =>
    blank === undefined ? found : `${blank}private`,
  )
}
