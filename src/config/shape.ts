import { Compile } from 'typebox/compile'
import { Settings } from 'typebox/system'
import type { IssueList } from './issue-list.js'
import { type KeyPath, valueAt } from './key-path.js'
import { type ConfigDocument, configSchema } from './schema.js'
import { branches, childSchemas, expectationOf, keyword } from './schema-reading.js'
import { nearest } from './spelling.js'

const validator = Compile(configSchema)

/** More mistakes than anyone makes; typebox stops at 8 unless told. */
const mostErrors = 10_000

type SchemaError = ReturnType<typeof validator.Errors>[number]

/**
 * Compares the value with the schema: unknown and missing keys, wrong types, bad spellings.
 *
 * @throws ConfigError where it is no group of keys at all: nothing else can be said then.
 */
export function checkShape(value: unknown, issues: IssueList): void {
  if (kindOf(value) !== 'object') {
    issues.add([], 'the configuration is empty or is no group of keys: begin with config.example.yaml')
    issues.throwIfAny()
  }
  for (const error of relevantErrors(value)) report(error, value, issues)
}

/**
 * The document with its defaults. For a value without issues.
 *
 * @throws Error where the value does not fit after all: our bug, since checkShape had nothing to say.
 */
export function withDefaults(value: unknown): ConfigDocument {
  const document = validator.Default(structuredClone(value))
  if (!validator.Check(document)) throw new Error('the configuration does not fit its schema')
  return document
}

function relevantErrors(value: unknown): SchemaError[] {
  const { maxErrors } = Settings.Get()
  Settings.Set({ maxErrors: mostErrors })
  const errors = validator.Errors(value)
  Settings.Set({ maxErrors })
  const dropped = errors
    .filter(({ keyword: word }) => word === 'anyOf')
    .map((error) => droppedBy(error, value))
  return errors.filter((error) => error.keyword !== 'boolean' && !dropped.some((drops) => drops(error)))
}

/** Of alternatives, only the one of the value's own kind has something to say; else their list does. */
function droppedBy(error: SchemaError, root: unknown): (other: SchemaError) => boolean {
  const value = valueAt(root, keyPath(error.instancePath, root))
  const likely = branches(schemaAt(error.schemaPath)).findIndex(
    (branch) => keyword(branch, 'type') === kindOf(value),
  )
  const inAny = `${error.schemaPath}/anyOf/`
  const inLikely = `${inAny}${likely}`
  const isLikely = ({ schemaPath }: SchemaError) =>
    schemaPath === inLikely || schemaPath.startsWith(`${inLikely}/`)
  const speaksForAll = likely === -1 || kindOf(value) === 'string'
  return (other) => {
    if (other === error) return !speaksForAll
    return other.schemaPath.startsWith(inAny) && (speaksForAll || !isLikely(other))
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function report(error: SchemaError, root: unknown, issues: IssueList): void {
  const path = keyPath(error.instancePath, root)
  const schema = schemaAt(error.schemaPath)
  const value = valueAt(root, path)
  const { params } = error
  if ('requiredProperties' in params) {
    for (const name of params.requiredProperties) issues.add([...path, name], missing(name, schema))
  } else if ('additionalProperties' in params) {
    for (const name of params.additionalProperties) issues.addKey([...path, name], unknown(name, schema))
  } else if (error.keyword === 'enum' && typeof value === 'string') {
    issues.add(path, `${shown(value)} is not known here${meant(value, keyword(schema, 'enum'))}`)
  } else {
    issues.add(
      path,
      boundText(error.keyword, value, params) ??
        `${shown(value)} does not fit: write ${expectationOf(schema)}`,
    )
  }
}

function boundText(word: string, value: unknown, params: object): string | null {
  const limit = 'limit' in params ? String(params.limit) : ''
  if (word === 'minimum') return `${shown(value)} is too small: write at least ${limit}`
  if (word === 'maximum') return `${shown(value)} is too large: write at most ${limit}`
  if (word === 'minLength') return 'is empty: write a value, or remove the key'
  if (word === 'minItems') return 'the list is empty: name at least one'
  if (word === 'minProperties')
    return 'names nothing, and would hold for everybody: name at least one key, or remove it'
  return null
}

function missing(name: string, parent: unknown): string {
  const schema = childSchemas(parent).find((found) => found.name === name)?.schema
  const examples = keyword(schema, 'examples')
  const example: unknown = Array.isArray(examples) ? examples[0] : undefined
  const such = example === undefined ? expectationOf(schema) : `such as ${JSON.stringify(example)}`
  return `is missing: add it, ${such}`
}

function unknown(name: string, parent: unknown): string {
  const known = childSchemas(parent).map((found) => found.name)
  return `there is no such key${meant(name, known)}`
}

function meant(word: string, known: unknown): string {
  const words = Array.isArray(known) ? known.map(String) : []
  const near = nearest(word, words)
  return near === null ? `: choose from ${words.join(', ')}` : `: did you mean ${near}?`
}

/** Scalars as written; of groups and lists only the kind, since they may hold anything. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a group of keys'
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** `/trust/0/ca` → `['trust', 0, 'ca']`: a number is a position where its parent is a list. */
function keyPath(pointer: string, root: unknown): KeyPath {
  let path: KeyPath = []
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    path = [...path, Array.isArray(valueAt(root, path)) ? Number(name) : name]
  }
  return path
}

function schemaAt(pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((schema, part) => keyword(schema, part), configSchema)
}
