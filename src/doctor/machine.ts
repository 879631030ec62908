import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import type { Clock } from '../core/clock.js'
import type { NginxProgram } from './nginx-checks.js'

/** What the doctor asks of the machine that it runs on; a test puts another in its place. */
export interface Machine {
  readonly clock: Clock
  readonly nginx: NginxProgram
  /** Every address of this machine that is not loopback. */
  addresses(): readonly string[]
}

export interface MachineOptions {
  readonly clock: Clock
  /** The main configuration file, where it is not nginx's own default. */
  readonly nginxConfig: string | null
  /** A file with what `nginx -T` printed, in place of asking. */
  readonly nginxDump: string | null
}

export function thisMachine({ clock, nginxConfig, nginxDump }: MachineOptions): Machine {
  const dump = ['-T', ...(nginxConfig === null ? [] : ['-c', nginxConfig])]
  return {
    clock,
    nginx: {
      version: async () => /nginx\/(\d+\.\d+\.\d+)/.exec((await output('nginx', ['-v'])) ?? '')?.[1] ?? null,
      dump: () => (nginxDump === null ? output('nginx', dump) : readFile(nginxDump, 'utf8')),
    },
    addresses: () =>
      Object.values(networkInterfaces()).flatMap((found) =>
        (found ?? []).filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address),
      ),
  }
}

const searched = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']

/** Both outputs, the errors first; null where there is no such program, or it fails. */
async function output(program: string, args: readonly string[]): Promise<string | null> {
  for (const folder of searched) {
    const { found, text } = await run(`${folder}/${program}`, args)
    if (found) return text
  }
  return null
}

interface ProgramRun {
  /** False: there is no such program. */
  readonly found: boolean
  readonly text: string | null
}

function run(file: string, args: readonly string[]): Promise<ProgramRun> {
  return new Promise((resolve) => {
    execFile(file, [...args], { timeout: 10_000, maxBuffer: 64 * 1_048_576 }, (error, stdout, stderr) => {
      if (error === null) resolve({ found: true, text: stderr + stdout })
      else resolve({ found: error.code !== 'ENOENT', text: null })
    })
  })
}
