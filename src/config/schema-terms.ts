import Type, { type TProperties, type TSchema, type TSchemaOptions } from 'typebox'
import { durationPattern, modePattern, sizePattern } from './units.js'

/** What every key of the configuration says about itself. */
export interface KeyOptions extends TSchemaOptions {
  readonly description: string
}

/** An HTTP field name; an underscore is left out because nginx and twins of it make that ambiguous. */
const headerPattern = '^[A-Za-z0-9][A-Za-z0-9-]{0,63}$'
const namePattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'

/** What to write instead, by pattern: a regular expression explains nothing to an operator. */
export const patternTexts: ReadonlyMap<string, string> = new Map([
  [durationPattern, 'a duration with its unit, such as 15s, 12h or 30d'],
  [sizePattern, 'a size with its unit, such as 64KiB or 1GiB'],
  [modePattern, 'a file mode as octal digits in quotes, such as "0660"'],
  [headerPattern, 'a header name of letters, digits and hyphens, such as X-SSL-Client-Cert'],
  [namePattern, 'a name of 1 to 64 letters, digits, dots, hyphens or underscores'],
])

/**
 * A group of keys. A key with a default may be left out by who writes the file, and is there for who
 * reads the resolved document: `required` is narrower than the static type.
 */
export function group<Properties extends TProperties>(properties: Properties, options: TSchemaOptions) {
  const required = Object.keys(properties).filter((name) => !mayBeAbsent(properties[name]))
  return Type.Object(properties, { additionalProperties: false, ...options, required })
}

function mayBeAbsent(schema: TSchema | undefined): boolean {
  return schema !== undefined && ('default' in schema || Type.IsOptional(schema))
}

/** A key whose default depends on other keys: it stays absent until the document is resolved. */
export function dependent<Schema extends TSchema>(schema: Schema) {
  return Type.Optional(schema)
}

export function nullable<Schema extends TSchema>(schema: Schema, options: KeyOptions) {
  return Type.Union([schema, Type.Null()], { default: null, ...options })
}

export function text(options: KeyOptions) {
  return Type.String({ minLength: 1, ...options })
}

export function path(options: KeyOptions) {
  return Type.String({ minLength: 1, ...options })
}

export function duration(options: KeyOptions) {
  return Type.String({ pattern: durationPattern, ...options })
}

export function size(options: KeyOptions) {
  return Type.String({ pattern: sizePattern, ...options })
}

export function mode(options: KeyOptions) {
  return Type.String({ pattern: modePattern, ...options })
}

export function header(options: KeyOptions) {
  return Type.String({ pattern: headerPattern, ...options })
}

export function name(options: KeyOptions) {
  return Type.String({ pattern: namePattern, ...options })
}

export function integer(minimum: number, maximum: number, options: KeyOptions) {
  return Type.Integer({ minimum, maximum, ...options })
}

export function flag(options: KeyOptions) {
  return Type.Boolean(options)
}

export function list<Schema extends TSchema>(items: Schema, options: KeyOptions) {
  return Type.Array(items, options)
}
