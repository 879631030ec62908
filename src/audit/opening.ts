import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { open as openFile, stat } from 'node:fs/promises'
import { Fault } from '../core/faults.js'
import { readSeal } from './hash-chain.js'
import { parseRecordedEvent } from './recorded-event.js'

/** The part of a FileHandle that the log uses: a test puts one that fails in its place. */
export type AuditHandle = Pick<FileHandle, 'write' | 'read' | 'stat' | 'truncate' | 'datasync' | 'close'>

/** Opens a file as `node:fs/promises` does. */
export type OpenAuditHandle = (path: string, flags: number | string, mode: number) => Promise<AuditHandle>

/** Where the chain stands: the last line's number and hash. */
export interface ChainPosition {
  readonly seq: number
  /** Null: the lines are not chained. */
  readonly hash: string | null
}

export interface OpenedAuditFile {
  readonly handle: AuditHandle
  readonly inode: number
  /** Its good length in bytes. */
  readonly length: number
  /** Null: it is empty. */
  readonly position: ChainPosition | null
}

export interface AuditFileOptions {
  readonly file: string
  readonly chain: boolean
  /** For the name of a torn line's file. */
  readonly timeMs: number
  readonly open: OpenAuditHandle
}

export const openRegularFile: OpenAuditHandle = (path, flags, mode) => openFile(path, flags, mode)

/** More than the longest line: every string in it is bounded, and an escaped unit takes six bytes. */
export const lineLimit = 128 * 1_024

const mode = 0o640
const lineFeed = 0x0a
/** How each of our lines begins. */
const opening = '{"time":"'

/**
 * Opens FILE for appending (mode 0640 when made), which must be a regular file or lead to one. A last
 * line torn by a crash is moved to FILE.torn-TIME.
 *
 * @throws Fault ERR_AUDIT_IO: not a regular file, not an audit file, or not to be opened.
 */
export async function openAuditFile(options: AuditFileOptions): Promise<OpenedAuditFile> {
  const { file, open } = options
  const handle = await openHandle(file, open)
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw notRegular(file)
    const tail = await readTail(handle, found.size)
    const length = tail.torn.length === 0 ? found.size : await mendTail(options, handle, tail)
    return { handle, inode: found.ino, length, position: positionOf(tail.last, options) }
  } catch (error) {
    await handle.close()
    throw error instanceof Fault ? error : failed(file, 'reading', error)
  }
}

async function openHandle(file: string, open: OpenAuditHandle): Promise<AuditHandle> {
  // Looked at first, as opening a device or a pipe may already do something.
  const found = await stat(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw failed(file, 'opening', error)
  })
  if (found !== null && !found.isFile()) throw notRegular(file)
  const { O_RDWR, O_APPEND, O_CREAT } = constants
  return open(file, O_RDWR | O_APPEND | O_CREAT, mode).catch((error: unknown) => {
    throw failed(file, 'opening', error)
  })
}

interface Tail {
  /** The last line that can be read, without its line feed; null: there is none. */
  readonly last: Buffer | null
  /** What follows it. */
  readonly torn: Buffer
  readonly size: number
}

async function readTail(handle: AuditHandle, size: number): Promise<Tail> {
  const bytes = Buffer.alloc(Math.min(size, 2 * lineLimit))
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, size - bytes.length)
  const text = bytes.subarray(0, bytesRead)
  const end = text.lastIndexOf(lineFeed) + 1
  const last = lastLine(text, end)
  const complete = end === text.length && (last === null || parseRecordedEvent(last.toString()) !== null)
  if (complete) return { last, torn: Buffer.alloc(0), size }
  // Without a line feed it is the remainder that is torn; with one it is the last line.
  const start = end < text.length ? end : end - (last?.length ?? 0) - 1
  return { last: lastLine(text, start), torn: text.subarray(start), size }
}

/** The line whose line feed stands before `end`. */
function lastLine(text: Buffer, end: number): Buffer | null {
  if (end === 0) return null
  return text.subarray(text.subarray(0, end - 1).lastIndexOf(lineFeed) + 1, end - 1)
}

/** @returns the length that is left */
async function mendTail(options: AuditFileOptions, handle: AuditHandle, tail: Tail): Promise<number> {
  const { file, timeMs, open } = options
  // A file of somebody else's is left as it is: only what can be ours is moved.
  positionOf(tail.last, options)
  if (!canBeOurs(tail.torn)) throw notOurs(file)
  const time = new Date(timeMs).toISOString().replaceAll(/[-:]/g, '')
  const torn = await open(`${file}.torn-${time}`, 'ax', mode)
  try {
    const { bytesWritten } = await torn.write(tail.torn)
    if (bytesWritten !== tail.torn.length)
      throw new Fault('ERR_AUDIT_IO', `${file}: no room for its torn line`)
    await torn.datasync()
  } finally {
    await torn.close()
  }
  const length = tail.size - tail.torn.length
  await handle.truncate(length)
  return length
}

/** The begin of a line, the blanks of a probe, or the zeros that a power cut may leave. */
function canBeOurs(torn: Buffer): boolean {
  if (torn.length > lineLimit) return false
  const text = torn.toString('latin1').trimEnd()
  return text.startsWith(opening) || opening.startsWith(text) || /^\0+$/.test(text)
}

function positionOf(last: Buffer | null, { file, chain }: AuditFileOptions): ChainPosition | null {
  if (last === null) return null
  const event = parseRecordedEvent(last.toString())
  if (event === null) throw notOurs(file)
  if (!chain) return { seq: event.seq, hash: null }
  const seal = readSeal(last)
  if (seal === 'unchained') {
    throw new Fault(
      'ERR_AUDIT_IO',
      `${file}: its last line has no hash, so the chain cannot go on: move the file away, or set audit.chain to false`,
    )
  }
  if (seal === 'altered') {
    throw new Fault(
      'ERR_AUDIT_IO',
      `${file}: its last line was changed after it was written: look at it with "mattergate audit verify", and move the file away`,
    )
  }
  return { seq: event.seq, hash: seal.hash }
}

/** A failure of the file system, with the operation that failed. */
export function failed(file: string, operation: string, cause: unknown): Fault {
  const why = cause instanceof Error ? cause.message : 'unknown reason'
  return new Fault('ERR_AUDIT_IO', `${file}: ${operation} failed: ${why}`, { cause })
}

function notRegular(file: string): Fault {
  return new Fault('ERR_AUDIT_IO', `${file}: audit.file must be a regular file: name another one`)
}

function notOurs(file: string): Fault {
  return new Fault(
    'ERR_AUDIT_IO',
    `${file}: this is not an audit file of mattergate: name another one, or move it away`,
  )
}
