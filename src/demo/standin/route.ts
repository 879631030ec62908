import type { Answer } from './answer.js'
import type { Actor, Call } from './call.js'
import type { Generation } from './traits.js'
import type { World } from './world.js'

type Handler<Who> = (
  call: Call,
  actor: Who,
  world: World,
  params: readonly string[],
) => Answer | Promise<Answer>

interface Described {
  readonly method: string
  readonly pattern: RegExp
  /** Where else than on the network it answers: on the local-mode socket too, in which generations. */
  readonly onSocket: 'always' | '11' | 'never'
  /** Left out: in every generation. */
  readonly generation: Generation | null
  /** Not held against the CSRF rule (rule 16). */
  readonly trusting: boolean
}

export type Route = Described &
  (
    | { readonly session: 'required'; readonly handle: Handler<Actor> }
    | { readonly session: 'none'; readonly handle: Handler<Actor | null> }
  )

interface Choices {
  readonly onSocket?: Described['onSocket']
  readonly generation?: Generation
  readonly trusting?: boolean
}

/** A route that answers 401 to whoever is not signed in. `{id}` and `{name}` in `path` become parameters. */
export function signedIn(method: string, path: string, handle: Handler<Actor>, choices: Choices = {}): Route {
  return { ...described(method, path, choices), session: 'required', handle }
}

/** A route for anybody. */
export function open(
  method: string,
  path: string,
  handle: Handler<Actor | null>,
  choices: Choices = {},
): Route {
  return { ...described(method, path, choices), session: 'none', handle }
}

const placeholders: Readonly<Record<string, string>> = {
  id: '([A-Za-z0-9]+)',
  name: '([A-Za-z0-9_.-]+)',
  anything: '(.+)',
}

function described(method: string, path: string, choices: Choices): Described {
  const source = path.replace(/\{(\w+)\}/g, (_, name: string) => placeholders[name] ?? '')
  return {
    method,
    pattern: new RegExp(`^/api/v4${source}$`),
    onSocket: choices.onSocket ?? 'never',
    generation: choices.generation ?? null,
    trusting: choices.trusting ?? false,
  }
}
