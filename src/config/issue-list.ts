import { ConfigError, type ConfigIssue } from '../core/config-error.js'
import { formatKeyPath, type KeyPath } from './key-path.js'
import type { ConfigSource } from './source.js'

/** Collects every mistake before anything is thrown, so that all are shown at once. */
export class IssueList {
  readonly #source: ConfigSource
  readonly #issues: ConfigIssue[] = []
  readonly #warnings: ConfigIssue[] = []

  constructor(source: ConfigSource) {
    this.#source = source
    this.#issues.push(...source.problems)
  }

  /** A mistake in the value at the path, or its absence there. */
  add(path: KeyPath, message: string): void {
    this.#issues.push(this.#issue(path, message, 'value'))
  }

  /** A key that should not be there. */
  addKey(path: KeyPath, message: string): void {
    this.#issues.push(this.#issue(path, message, 'key'))
  }

  warn(path: KeyPath, message: string): void {
    this.#warnings.push(this.#issue(path, message, 'value'))
  }

  get warnings(): readonly ConfigIssue[] {
    return inOrder(this.#warnings)
  }

  /** @throws ConfigError with all of them, in the order of the file. */
  throwIfAny(): void {
    if (this.#issues.length > 0) throw new ConfigError(inOrder(this.#issues))
  }

  #issue(path: KeyPath, message: string, part: 'key' | 'value'): ConfigIssue {
    const named = path.length === 0 ? message : `${formatKeyPath(path)}: ${message}`
    return { file: this.#source.file, ...this.#source.locate(path, part), message: named }
  }
}

function inOrder(issues: readonly ConfigIssue[]): readonly ConfigIssue[] {
  return issues.toSorted((a, b) => a.line - b.line || a.column - b.column)
}
