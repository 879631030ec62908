/** One directive of nginx's configuration, as `nginx -T` prints it. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  readonly file: string
  /** Counts from 1, within the file. */
  readonly line: number
  /** Null: no block. */
  readonly children: readonly Directive[] | null
}

interface Token {
  readonly text: string
  readonly quoted: boolean
  readonly line: number
}

/**
 * Reads what `nginx -T` prints: every file of the configuration behind a line `# configuration file NAME:`.
 * An `include` stands there as it is, its files follow by themselves.
 *
 * @throws SyntaxError for text that is no such configuration
 */
export function parseNginxDump(dump: string): ReadonlyMap<string, readonly Directive[]> {
  const files = new Map<string, readonly Directive[]>()
  const parts = dump.split(/^# configuration file (.+):$/m)
  for (let at = 1; at < parts.length; at += 2) {
    const file = parts[at] ?? ''
    // The heading's own line end belongs to it.
    files.set(file, parseFile(file, (parts[at + 1] ?? '').replace(/^\r?\n/, '')))
  }
  return files
}

function parseFile(file: string, text: string): readonly Directive[] {
  const tokens = tokenize(text)
  const [directives, next] = parseBlock(file, tokens, 0)
  if (next < tokens.length) throw new SyntaxError(`${file}:${tokens[next]?.line ?? 0}: a } without its {`)
  return directives
}

/** From `at` to the end, or to the `}` of this block. */
function parseBlock(file: string, tokens: readonly Token[], at: number): [Directive[], number] {
  const directives: Directive[] = []
  let next = at
  while (next < tokens.length && !isMark(tokens[next], '}')) {
    const [directive, after] = parseDirective(file, tokens, next)
    directives.push(directive)
    next = after
  }
  return [directives, next]
}

function parseDirective(file: string, tokens: readonly Token[], at: number): [Directive, number] {
  const words: Token[] = []
  for (let next = at; next < tokens.length; next += 1) {
    const token = tokens[next]
    if (token === undefined) break
    const [first] = words
    const named = {
      name: first?.text ?? '',
      args: words.slice(1).map(({ text }) => text),
      file,
      line: first?.line ?? 0,
    }
    if (isMark(token, ';')) return [{ ...named, children: null }, next + 1]
    if (isMark(token, '{')) {
      const [children, end] = parseBlock(file, tokens, next + 1)
      if (end >= tokens.length) throw new SyntaxError(`${file}:${token.line}: a { without its }`)
      return [{ ...named, children }, end + 1]
    }
    words.push(token)
  }
  throw new SyntaxError(`${file}:${tokens[at]?.line ?? 0}: a directive without its ;`)
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token !== undefined && !token.quoted && token.text === mark
}

const pattern =
  /\s+|#[^\n]*|"((?:[^"\\]|\\[^])*)"|'((?:[^'\\]|\\[^])*)'|[;{}]|(?:\$\{[^}]*\}|\\[^]|[^\s;{}])+/gy

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let line = 1
  pattern.lastIndex = 0
  for (const [found, double, single] of text.matchAll(pattern)) {
    const quoted = double ?? single
    if (quoted !== undefined)
      tokens.push({ text: quoted.replaceAll(/\\(["'\\])/g, '$1'), quoted: true, line })
    else if (!/^(\s|#)/.test(found)) tokens.push({ text: found, quoted: false, line })
    line += found.split('\n').length - 1
  }
  return tokens
}

/** Every directive of this name below these, at any depth, outside first. */
export function findDirectives(directives: readonly Directive[], name: string): Directive[] {
  return directives.flatMap((directive) => [
    ...(directive.name === name ? [directive] : []),
    ...findDirectives(directive.children ?? [], name),
  ])
}
