import type { TSchema } from 'typebox'
import { configSchema } from './schema.js'
import { childSchemas, expectationOf } from './schema-reading.js'

/** One row of the page that documents the configuration. */
export interface KeyDescription {
  /** `trust[].require.clientAuth` */
  readonly path: string
  /** What may stand there, in words. */
  readonly type: string
  /** As YAML's flow style writes it; null where the key must be given, or its absence means nothing. */
  readonly default: string | null
  readonly description: string
}

/** Every key of the configuration, parents before their children. */
export function describeKeys(): KeyDescription[] {
  return describeChildren(configSchema, '')
}

function describeChildren(schema: TSchema, prefix: string): KeyDescription[] {
  return childSchemas(schema).flatMap(({ name, schema: inner }) => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    return [describe(inner, path), ...describeChildren(inner, itemPath(inner, path))]
  })
}

function itemPath(schema: TSchema, path: string): string {
  return 'items' in schema ? `${path}[]` : path
}

function describe(schema: TSchema, path: string): KeyDescription {
  const description = 'description' in schema ? String(schema.description) : ''
  const value = 'default' in schema ? JSON.stringify(schema.default) : null
  return { path, type: expectationOf(schema), default: value, description }
}
