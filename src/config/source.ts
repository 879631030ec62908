import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from 'yaml'
import { ConfigError, type ConfigIssue } from '../core/config-error.js'
import type { KeyPath } from './key-path.js'

/** Lines and columns count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** What an operator wrote, as plain values, with the way back to where each stands. */
export interface ConfigSource {
  readonly file: string
  readonly value: unknown
  /** Mistakes that were found while reading, and that leave the rest readable. */
  readonly problems: readonly ConfigIssue[]
  /** Of the key or the value at a path; of the nearest parent that is there, where it is missing. */
  locate(path: KeyPath, part: 'key' | 'value'): Position
}

const start: Position = { line: 1, column: 1 }

/** Errors after which the document still has the meaning that its author saw. */
const readableErrors: ReadonlySet<string> = new Set(['DUPLICATE_KEY'])

/**
 * Reads YAML 1.2.
 *
 * @throws ConfigError where the text is no YAML: nothing else can be said then.
 */
export function readYaml(text: string, file: string): ConfigSource {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const problems = [...document.errors, ...document.warnings]
  const issues = problems.map((problem) => syntaxIssue(problem, file, lines))
  if (problems.some(({ code }) => !readableErrors.has(code))) throw new ConfigError(issues)
  const root: Node | null = document.contents
  return {
    file,
    value: plainValue(() => document.toJS(), file),
    problems: issues,
    locate: (path, part) => {
      const offset = offsetOf(root, path, part, (node) => (isAlias(node) ? node.resolve(document) : node))
      return offset === null ? start : position(lines, offset)
    },
  }
}

/** A plain object of the YAML's shape: issues carry the file `<config>` and name the key in their text. */
export function readObject(value: object): ConfigSource {
  const file = '<config>'
  // JSON's values are all that the schema knows: undefined keys go, functions and cycles do not pass.
  const plain = plainValue(() => JSON.parse(JSON.stringify(value)) as unknown, file)
  return { file, value: plain, problems: [], locate: () => start }
}

function plainValue(read: () => unknown, file: string): unknown {
  try {
    return read()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError([{ file, ...start, message: `cannot be read as plain values: ${reason}` }])
  }
}

function syntaxIssue(
  problem: YAMLError | { pos: [number, number]; code: string; message: string },
  file: string,
  lines: LineCounter,
): ConfigIssue {
  const message =
    problem.code === 'DUPLICATE_KEY'
      ? 'this key stands here twice: keep one of them'
      : `this is not valid YAML: ${problem.message.split('\n')[0] ?? ''}`
  return { file, ...position(lines, problem.pos[0]), message }
}

function position(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return line === 0 ? start : { line, column: col }
}

/** Walks to the path as far as the document goes; null: nothing but the root is there. */
function offsetOf(
  root: Node | null,
  path: KeyPath,
  part: 'key' | 'value',
  resolve: (node: unknown) => unknown,
): number | null {
  let node: unknown = root
  let offset: number | null = null
  for (const [at, step] of path.entries()) {
    const found = childOf(resolve(node), step)
    if (found === null) return offset
    node = found.value
    const last = at === path.length - 1
    const value = last && part === 'value' ? rangeStart(node) : null
    offset = value ?? rangeStart(found.key) ?? rangeStart(node)
  }
  return offset
}

function childOf(parent: unknown, step: string | number): { key: unknown; value: unknown } | null {
  if (isSeq(parent) && typeof step === 'number') {
    return step < parent.items.length ? { key: null, value: parent.items[step] } : null
  }
  if (!isMap(parent)) return null
  // Of a key that stands twice the last one counts, as in the plain value.
  const pair = parent.items.findLast(({ key }) => (isScalar(key) ? String(key.value) : key) === step)
  return pair === undefined ? null : { key: pair.key, value: pair.value }
}

/** Null for a value that is not written out (`key:` and nothing), so that its key speaks for it. */
function rangeStart(node: unknown): number | null {
  if (isScalar(node) && node.value === null && node.source === '') return null
  if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isAlias(node)) return null
  return node.range?.[0] ?? null
}
