import { Fault } from '../core/faults.js'
import { Refusal } from '../core/refusals.js'
import type { ParsedCertificate } from './certificate.js'
import { configuredLimits, parseCertificate } from './certificate.js'
import type { PemBlock } from './pem.js'
import { PemError, readPemBlocks } from './pem.js'
import type { Requirements } from './requirements.js'

export interface PemFile {
  readonly file: string
  readonly text: string
}

/** One entry of the configuration's `trust`, its files read. */
export interface TrustDefinition {
  readonly name: string
  readonly anchors: PemFile
  readonly intermediates: PemFile | null
  readonly require: Requirements
}

/** Anchors are taken as given, a name and a key (RFC 5280 §6.1.1(d)); intermediates are believed nothing. */
export interface Trust {
  readonly name: string
  readonly anchors: readonly ParsedCertificate[]
  readonly intermediates: readonly ParsedCertificate[]
  readonly require: Requirements
}

/** What is wrong with a file; line counts from 1. */
export interface TrustIssue {
  readonly trust: string
  readonly file: string
  readonly line: number
  /** What is wrong, then what to do, in one line. */
  readonly message: string
}

export interface TrustStore {
  /** Another for every store that is made: a verdict holds for its own store only. */
  readonly generation: number
  /** In file order. */
  readonly trusts: readonly Trust[]
}

let lastGeneration = 0

/** Reads every file and names everything that is wrong; the store is null if anything is. */
export function readTrustStore(definitions: readonly TrustDefinition[]): {
  readonly store: TrustStore | null
  readonly issues: readonly TrustIssue[]
} {
  const issues: TrustIssue[] = []
  const trusts = definitions.map((definition) => readTrust(definition, issues))
  if (issues.length > 0) return { store: null, issues }
  lastGeneration += 1
  return { store: Object.freeze({ generation: lastGeneration, trusts: Object.freeze(trusts) }), issues }
}

/** @throws Fault ERR_TRUST_FILE that names every issue; no trust at all is one. */
export function createTrustStore(definitions: readonly TrustDefinition[]): TrustStore {
  if (definitions.length === 0) throw new Fault('ERR_TRUST_FILE', 'there is no trust: nobody could sign in')
  const { store, issues } = readTrustStore(definitions)
  if (store !== null) return store
  const lines = issues.map(({ trust, file, line, message }) => `${file}:${line}: trust ${trust}: ${message}`)
  throw new Fault('ERR_TRUST_FILE', lines.join('\n'))
}

function readTrust({ name, anchors, intermediates, require }: TrustDefinition, issues: TrustIssue[]): Trust {
  const found = readCertificates(name, anchors, issues)
  return Object.freeze({
    name,
    anchors: found,
    intermediates: intermediates === null ? [] : readCertificates(name, intermediates, issues),
    require,
  })
}

function readCertificates(
  trust: string,
  { file, text }: PemFile,
  issues: TrustIssue[],
): readonly ParsedCertificate[] {
  const issue = (line: number, message: string) => issues.push({ trust, file, line, message })
  const blocks = readBlocks(text, issue)
  if (blocks?.length === 0) issue(1, 'no certificate: put PEM certificates into it')
  const certificates = (blocks ?? []).flatMap((block, index) => readBlock(block, index + 1, issue))
  return certificates.filter(
    ({ facts }, index) => certificates.findIndex((other) => other.facts.sha256 === facts.sha256) === index,
  )
}

type ReportIssue = (line: number, message: string) => void

function readBlocks(text: string, issue: ReportIssue): readonly PemBlock[] | null {
  try {
    return readPemBlocks(text)
  } catch (cause) {
    if (!(cause instanceof PemError)) throw cause
    issue(cause.line, `not PEM: ${cause.message}: restore the file from its source`)
    return null
  }
}

function readBlock({ line, label, der }: PemBlock, number: number, issue: ReportIssue): ParsedCertificate[] {
  if (label !== 'CERTIFICATE') {
    issue(line, `block ${number} is of type ${label}: leave only CERTIFICATE blocks`)
    return []
  }
  const certificate = parseCertificate(der, configuredLimits)
  if (!(certificate instanceof Refusal)) return [certificate]
  issue(
    line,
    `block ${number} is not a proper certificate (${certificate.detail ?? ''}): replace or remove it`,
  )
  return []
}
