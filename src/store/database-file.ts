import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/**
 * Offsets in an LMDB meta page (`struct MDB_meta` of lmdb-js 3 behind its 24-byte page head), 64-bit,
 * little-endian. The page size stands in the head of the free list.
 */
const meta = { magic: 24, pageSize: 48, lastPage: 144, transaction: 152, end: 160 }
const magic = 0xbeefc0de

/**
 * Looks at a database file before LMDB maps it: LMDB believes what it maps, and a file that is cut off
 * or is something else altogether kills the process (SIGBUS, SIGSEGV) where it should be an error.
 *
 * @returns what is wrong; null: it is whole as far as can be seen from outside, empty, or not there
 */
export function databaseFileProblem(file: string): string | null {
  let descriptor: number
  try {
    descriptor = openSync(file, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  try {
    const status = fstatSync(descriptor)
    if (!status.isFile()) return 'it is not a file'
    if (status.size === 0) return null
    return contentProblem(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function contentProblem(descriptor: number): string | null {
  const first = readMeta(descriptor, 0)
  if (first === null) return 'it is not a database'
  const second = readMeta(descriptor, first.pageSize)
  if (second === null) return 'its second page is not that of a database'
  const newest = second.transaction > first.transaction ? second : first
  // Looked at after the pages: a writer beside us makes the file longer before it says so.
  const { size } = fstatSync(descriptor)
  const needed = (newest.lastPage + 1n) * BigInt(first.pageSize)
  return BigInt(size) < needed ? `it is cut off: ${size} of ${needed.toString()} bytes are left` : null
}

function readMeta(descriptor: number, position: number) {
  const page = Buffer.alloc(meta.end)
  if (readSync(descriptor, page, 0, meta.end, position) < meta.end) return null
  const pageSize = page.readUInt32LE(meta.pageSize)
  if (page.readUInt32LE(meta.magic) !== magic || pageSize < 512 || pageSize > 65_536) return null
  return {
    pageSize,
    lastPage: page.readBigUInt64LE(meta.lastPage),
    transaction: page.readBigUInt64LE(meta.transaction),
  }
}
