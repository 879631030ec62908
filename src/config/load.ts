import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ConfigError } from '../core/config-error.js'
import { checkCombinations } from './combinations.js'
import type { Config } from './config.js'
import { FilePlaces } from './file-places.js'
import { IssueList } from './issue-list.js'
import { checkLeaves } from './leaf-checks.js'
import { checkNamedFiles, readProblem } from './named-files.js'
import { refuseNotBuilt } from './not-built-yet.js'
import { resolveDocument } from './resolve.js'
import { checkShape, withDefaults } from './shape.js'
import { type ConfigSource, readObject, readYaml } from './source.js'
import { warn } from './warnings.js'

export interface LoadOptions {
  /** systemd's $CREDENTIALS_DIRECTORY: where `credential:NAME` is found. */
  readonly credentialsDirectory?: string
  /**
   * For commands that an operator runs by hand: a credential that only the running service can see is a
   * warning, and stands for systemd's own place of it. Default false: it is an issue.
   */
  readonly uncheckedCredentials?: boolean
}

export interface ResolveOptions extends LoadOptions {
  /** What relative paths are relative to. */
  readonly baseDirectory: string
}

/**
 * Reads a YAML configuration and looks at the files that it names.
 *
 * @throws ConfigError with every mistake at once, each with its line and column.
 */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<Config> {
  const source = readYaml(await readText(file), file)
  const absolute = resolve(file)
  return settle(source, absolute, { ...options, baseDirectory: dirname(absolute) })
}

/**
 * The same for a plain object of the YAML's shape. Its issues carry the file `<config>`, line and
 * column 1, and the key in the message.
 *
 * @throws ConfigError with every mistake at once.
 */
export function resolveConfig(plainObject: object, options: ResolveOptions): Promise<Config> {
  return settle(readObject(plainObject), null, options)
}

async function settle(source: ConfigSource, file: string | null, options: ResolveOptions): Promise<Config> {
  const issues = new IssueList(source)
  const places = new FilePlaces(options.baseDirectory, options.credentialsDirectory)
  checkShape(source.value, issues)
  checkLeaves(source.value, issues)
  checkCombinations(source.value, issues)
  refuseNotBuilt(source.value, issues)
  await checkNamedFiles(source.value, issues, {
    places,
    uncheckedCredentials: options.uncheckedCredentials ?? false,
  })
  issues.throwIfAny()
  const config = resolveDocument(withDefaults(source.value), file, places)
  warn(config, issues)
  const settled = deepFreeze({ ...config, warnings: issues.warnings })
  settledConfigs.add(settled)
  return settled
}

const settledConfigs = new WeakSet<object>()

/** Whether this came from here: then it has been checked, and is frozen. */
export function isConfig(value: object): value is Config {
  return settledConfigs.has(value)
}

async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (error) {
    const message = error instanceof TypeError ? 'is not UTF-8 text: save it as such' : readProblem(error)
    throw new ConfigError([{ file, line: 1, column: 1, message }])
  }
}

/** Patterns are left as they are: a RegExp without flags g and y keeps no state. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof RegExp || Object.isFrozen(value))
    return value
  for (const inner of Object.values(value)) deepFreeze(inner)
  return Object.freeze(value)
}
