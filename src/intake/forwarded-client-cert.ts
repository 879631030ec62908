/** The pairs of one element, by key in lower case. */
export type ForwardedElement = ReadonlyMap<string, readonly string[]>

/** A key, then a value in quotes or one without any; a backslash takes what follows it as it stands. */
const pair = /[ \t]*([A-Za-z][A-Za-z0-9-]*)=(?:"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*|([^",;]*))(;|,|$)/y

/**
 * The last element of an X-Forwarded-Client-Cert header: elements are separated by `,`, pairs by `;`, and
 * each proxy appends its own behind what came
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert).
 * Null unless the whole header is of this form: a quote that a client left open in front would hide where
 * the last element begins.
 */
export function lastForwardedElement(header: string): ForwardedElement | null {
  let element = new Map<string, string[]>()
  let end: string | undefined
  pair.lastIndex = 0
  do {
    const match = pair.exec(header)
    if (match === null) return null
    const [, name = '', quoted, plain = '', separator] = match
    if (end === ',') element = new Map()
    const key = name.toLowerCase()
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain
    const values = element.get(key)
    if (values === undefined) element.set(key, [value])
    else values.push(value)
    end = separator
  } while (end !== '')
  return element
}
