import { parentPort, workerData } from 'node:worker_threads'
import { DerError } from '../../x509/der.js'
import type { HashKey } from './keyed-hash.js'
import { type ScannedEntries, scanEntries } from './revoked-entries.js'

export interface ScanOrder {
  readonly der: SharedArrayBuffer
  readonly range: { readonly start: number; readonly end: number }
  readonly options: { readonly key: HashKey; readonly ownIssuer: string; readonly version: 1 | 2 }
}

/** What came of it; a string: why the list cannot be read. */
export type ScanReport = { readonly scanned: ScannedEntries } | { readonly problem: string }

/** A thread of its own for one long list: it ends when it has reported. */
function run({ der, range, options }: ScanOrder): ScanReport {
  try {
    return { scanned: scanEntries(new Uint8Array(der), range, options) }
  } catch (error) {
    if (error instanceof DerError) return { problem: error.message }
    throw error
  }
}

parentPort?.postMessage(run(workerData as ScanOrder))
