import type { TSchema } from 'typebox'
import { patternTexts } from './schema-terms.js'

/** Reads a schema as the JSON Schema it is. */
export function keyword(schema: unknown, name: string): unknown {
  if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, name)) return undefined
  return (schema as Record<string, unknown>)[name]
}

export function branches(schema: unknown): readonly unknown[] {
  const found = keyword(schema, 'anyOf')
  return Array.isArray(found) ? found : []
}

/** The keys of an object's schema, of a list's items, or of the branch that is not null. */
export function childSchemas(schema: unknown): { name: string; schema: TSchema }[] {
  const inner =
    keyword(schema, 'items') ?? branches(schema).find((branch) => keyword(branch, 'type') !== 'null')
  if (inner !== undefined) return childSchemas(inner)
  const properties = keyword(schema, 'properties')
  if (typeof properties !== 'object' || properties === null) return []
  return Object.entries(properties).map(([name, value]) => ({ name, schema: value as TSchema }))
}

/** What belongs there, as a phrase: `a whole number`, `one of email, username`. */
export function expectationOf(schema: unknown): string {
  const choices = keyword(schema, 'enum')
  if (Array.isArray(choices)) return `one of ${choices.join(', ')}`
  const alternatives = branches(schema)
  if (alternatives.length > 0) return alternatives.map(expectationOf).join(' or ')
  const pattern = keyword(schema, 'pattern')
  if (typeof pattern === 'string') return patternTexts.get(pattern) ?? 'text'
  return typeTexts.get(keyword(schema, 'type')) ?? 'a value'
}

const typeTexts: ReadonlyMap<unknown, string> = new Map([
  ['object', 'a group of keys'],
  ['array', 'a list'],
  ['string', 'text'],
  ['integer', 'a whole number'],
  ['boolean', 'true or false'],
  ['null', 'null'],
])
