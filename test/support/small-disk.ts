import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export interface SmallDisk {
  readonly folder: string
  resize(bytes: number): void
}

/** A real file system of this size; it takes root to mount one. */
export function mountSmallDisk(t: Test, bytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'mattergate-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  t.teardown(() => {
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  })
  return { folder, resize: (size) => void execFileSync('mount', ['-o', `remount,size=${size}`, folder]) }
}

/** Without root there is no real full disk to be had; with CI=true it is missing, and that fails. */
export const mayMount = process.getuid?.() === 0
