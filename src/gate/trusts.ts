import { readFile } from 'node:fs/promises'
import type { Config, TrustConfig } from '../config/config.js'
import { ConfigError, type ConfigIssue } from '../core/config-error.js'
import { policiesOf } from '../x509/requirements.js'
import { readTrustStore, type TrustDefinition, type TrustStore } from '../x509/trust-store.js'

/** The files of every trust, as they stand. */
export function readTrustFiles(config: Config): Promise<readonly TrustDefinition[]> {
  return Promise.all(config.trust.map(readDefinition))
}

/** The certificates of every trust. @throws ConfigError that names each bad file and block. */
export function parseTrusts(definitions: readonly TrustDefinition[]): TrustStore {
  const { store, issues } = readTrustStore(definitions)
  if (store === null) throw new ConfigError(issues.map(toConfigIssue))
  return store
}

async function readDefinition(trust: TrustConfig): Promise<TrustDefinition> {
  return {
    name: trust.name,
    anchors: await readPem(trust.ca),
    intermediates: trust.intermediates === null ? null : await readPem(trust.intermediates),
    require: { ...trust.require, policies: policiesOf(trust.require.policies) },
  }
}

async function readPem(file: string): Promise<TrustDefinition['anchors']> {
  return { file, text: await readFile(file, 'latin1') }
}

function toConfigIssue(issue: {
  readonly trust: string
  readonly file: string
  readonly line: number
  readonly message: string
}): ConfigIssue {
  return { file: issue.file, line: issue.line, column: 1, message: `trust ${issue.trust}: ${issue.message}` }
}
