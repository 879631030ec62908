import type { Clock } from '../../core/clock.js'
import { newId } from './ids.js'

export interface UploadedFile {
  readonly id: string
  readonly name: string
  readonly mimeType: string
  readonly bytes: Buffer
  readonly userId: string
  readonly channelId: string
  readonly createAt: number
}

const mimeTypes: Readonly<Record<string, string>> = {
  txt: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  png: 'image/png',
  jpg: 'image/jpeg',
  pdf: 'application/pdf',
}

/** Uploaded files, kept in memory. */
export class UploadedFiles {
  readonly #clock: Clock
  readonly #byId = new Map<string, UploadedFile>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(from: Pick<UploadedFile, 'name' | 'bytes' | 'userId' | 'channelId'>): UploadedFile {
    const mimeType = mimeTypes[extensionOf(from.name)] ?? 'application/octet-stream'
    const file = { id: newId(), mimeType, createAt: this.#clock.now(), ...from }
    this.#byId.set(file.id, file)
    return file
  }

  byId(id: string): UploadedFile | undefined {
    return this.#byId.get(id)
  }
}

export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot === -1 ? '' : name.slice(dot + 1).toLowerCase()
}
