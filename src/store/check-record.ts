import { createHash } from 'node:crypto'
import type { Seal } from './seal.js'

export const checkRecordName = 'store/check'
const text = new TextEncoder().encode('mattergate store 1')
const digestBytes = 32

/**
 * The first record of a store: a sealed constant with its SHA-256 behind it. Whole but sealed by another
 * key, or damaged: without the digest these two could not be told apart.
 */
export function newCheckRecord(seal: Seal): Buffer {
  const sealed = seal.close(checkRecordName, { value: text, expiresAtMs: null })
  return Buffer.concat([sealed, digest(sealed)])
}

export function checkRecordProblem(seal: Seal, record: Uint8Array | undefined): 'damaged' | 'key' | null {
  if (record === undefined || record.length <= digestBytes) return 'damaged'
  const sealed = record.subarray(0, -digestBytes)
  if (!digest(sealed).equals(record.subarray(-digestBytes))) return 'damaged'
  const opened = seal.open(checkRecordName, sealed)
  if (opened === null) return 'key'
  return Buffer.compare(opened.value, text) === 0 ? null : 'damaged'
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
