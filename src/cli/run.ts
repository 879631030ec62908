import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigError, formatIssue } from '../core/config-error.js'
import { Fault } from '../core/faults.js'
import { audit } from './audit.js'
import { checkConfig } from './check-config.js'
import { type Arguments, type Command, type ExitCode, type Terminal, UsageError } from './command.js'
import { demo } from './demo.js'
import { doctor } from './doctor.js'
import { explain } from './explain.js'
import { identities } from './identities.js'
import { nginx } from './nginx.js'
import { schema } from './schema.js'
import { serve } from './serve.js'

const commands: readonly Command[] = [
  ...[serve, checkConfig, explain, doctor, nginx, schema, audit, identities, demo],
]

/** Runs one command line; whatever goes wrong becomes words and an exit code. */
export async function run(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = words
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    terminal.out(overview())
    return name === undefined ? 64 : 0
  }
  if (name === '--version') {
    terminal.out(`${version()}\n`)
    return 0
  }
  const command = commands.find((candidate) => candidate.name === name)
  if (command === undefined) {
    terminal.err(`mattergate: there is no command '${name}'. See mattergate --help.\n`)
    return 64
  }
  return runCommand(command, rest, terminal)
}

async function runCommand(command: Command, words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  try {
    const args = readArguments(command, words)
    if (args.values.help === true) {
      terminal.out(`Usage: mattergate ${command.name} ${command.usage}\n\n${command.help}\n`)
      return 0
    }
    return await command.run(args, terminal)
  } catch (error) {
    return report(command, error, terminal)
  }
}

function readArguments(command: Command, words: readonly string[]): Arguments {
  try {
    return parseArgs({
      args: [...words],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function report(command: Command, error: unknown, terminal: Terminal): ExitCode {
  if (error instanceof UsageError) {
    terminal.err(`mattergate ${command.name}: ${error.message}\n`)
    terminal.err(`Usage: mattergate ${command.name} ${command.usage}\n`)
    return 64
  }
  if (error instanceof ConfigError) {
    for (const issue of error.issues) terminal.err(`${formatIssue(issue)}\n`)
    return 78
  }
  if (error instanceof Fault) {
    terminal.err(`mattergate ${command.name}: ${error.message}\n`)
    return isSetUp(error) ? 78 : 1
  }
  terminal.err(
    `mattergate ${command.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  return 1
}

/** Faults that only whoever set the machine up can mend. */
function isSetUp(fault: Fault): boolean {
  return ['ERR_STORE_DAMAGED', 'ERR_STORE_KEY', 'ERR_STORE_IO', 'ERR_TRUST_FILE', 'ERR_AUDIT_IO'].includes(
    fault.code,
  )
}

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`)
  return `mattergate: sign in to Mattermost with a client certificate.\n\nUsage: mattergate COMMAND [OPTIONS]\n\n${lines.join('')}\nmattergate COMMAND --help says more. Exit codes: 0 ok, 1 refused or failed, 64 usage, 78 configuration.\n`
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version: number } = JSON.parse(text) as { version: string }
  return number
}
