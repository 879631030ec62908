import type { RouteRule } from './facts.js'

/** What holds where no line of `routes` matches. */
export const defaultRule: RouteRule = Object.freeze({
  path: '*',
  certificate: 'required',
  authorization: 'remove',
  websocket: false,
})

/** The gateway's own pages look at a certificate and do without one: they are there to explain. */
export const ownRule: RouteRule = Object.freeze({
  ...defaultRule,
  path: '/.mattergate/*',
  certificate: 'optional',
})
const ownPrefix = '/.mattergate/'

/** The lines of `routes` in file order; the first that matches the decoded path decides. */
export class Routes {
  readonly #matchers: readonly { readonly matches: (path: string) => boolean; readonly rule: RouteRule }[]

  constructor(rules: readonly RouteRule[]) {
    this.#matchers = rules.map((rule) => ({ matches: matcherOf(rule.path), rule }))
  }

  find(decodedPath: string): RouteRule {
    if (decodedPath.startsWith(ownPrefix)) return ownRule
    for (const { matches, rule } of this.#matchers) if (matches(decodedPath)) return rule
    return defaultRule
  }
}

function matcherOf(pattern: string): (path: string) => boolean {
  if (!pattern.endsWith('*')) return (path) => path === pattern
  const prefix = pattern.slice(0, -1)
  return (path) => path.startsWith(prefix)
}
