/** How many spellings are remembered, and how long one may be: a client may invent names without end. */
const mostSpellings = 1_024
const longestRemembered = 64

/** Classes of header names, remembered by the spelling that came: folding costs more than a look-up. */
export class HeaderNames<Class> {
  readonly #classify: (folded: string) => Class
  readonly #known = new Map<string, Class>()

  /** @param classify is given the name in lower case, with underscores as hyphens */
  constructor(classify: (folded: string) => Class) {
    this.#classify = classify
  }

  classOf(name: string): Class {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const found = this.#classify(foldName(name))
    if (name.length <= longestRemembered) {
      if (this.#known.size >= mostSpellings) this.#known.clear()
      this.#known.set(name, found)
    }
    return found
  }
}

/** One name for `X-Client-Cert`, `x-client-cert` and `X_Client_Cert`. */
export function foldName(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** Fields of one connection only (RFC 9110 §7.6.1), with what older proxies took for such. */
export function isHopByHop(folded: string): boolean {
  return hopByHop.has(folded) || folded.startsWith('proxy-')
}

const hopByHop = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** What Connection cannot take away: framing, routing, and what the decision was made on. */
const neverListed = new Set(['host', 'content-length', 'content-type', 'origin'])
const options = new Set(['', 'close', 'keep-alive', 'upgrade'])

/** The header names that a Connection header lists, in lower case; null where it lists none. */
export function namesInConnection(value: string): Set<string> | null {
  const lower = value.toLowerCase()
  if (options.has(lower)) return null
  const names = lower.split(',').map((name) => name.trim())
  return new Set(names.filter((name) => !options.has(name) && !neverListed.has(name)))
}

/** A flat list of headers without those named. */
export function withoutNames(headers: readonly string[], lowerNames: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    if (!lowerNames.has(name.toLowerCase())) kept.push(name, headers[at + 1] ?? '')
  }
  return kept
}
