import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '../core/faults.js'

/** Free bytes that are left alone: what one transaction writes beside the records themselves. */
const keptFree = 256 * 1_024
/** Each record may have a page of the tree, and the page above it, written anew. */
const bytesPerRecord = 8_192

/**
 * Looks for room on the disk before each write. lmdb 3.5.6 does not survive a commit without it: besides
 * the rejected write it rejects promises that nobody holds, and damages its own memory (measured).
 */
export class DiskRoom {
  readonly #file: string
  readonly #freeBytes: () => number
  #pending = 0

  /**
   * @param file of the store, on the disk in question
   * @param freeBytes of that disk; default: what the file system says
   */
  constructor(file: string, freeBytes = () => freeBytesAt(file)) {
    this.#file = file
    this.#freeBytes = freeBytes
  }

  /** @throws Fault ERR_STORE_IO without having written anything, where the disk is as good as full. */
  async during<T>(bytes: number, write: () => T | Promise<T>): Promise<T> {
    const wanted = bytes + bytesPerRecord
    if (this.#freeBytes() < keptFree + this.#pending + wanted) {
      throw new Fault('ERR_STORE_IO', `there is no room for ${this.#file}: free some space on its disk`)
    }
    this.#pending += wanted
    try {
      return await write()
    } finally {
      this.#pending -= wanted
    }
  }
}

function freeBytesAt(file: string): number {
  const { bavail, bsize } = statfsSync(dirname(file))
  return bavail * bsize
}
