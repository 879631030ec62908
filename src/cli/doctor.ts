import { printable } from '../audit/printable.js'
import { systemClock } from '../core/clock.js'
import { examine } from '../doctor/doctor.js'
import type { Finding } from '../doctor/finding.js'
import { thisMachine } from '../doctor/machine.js'
import type { ConnectTo } from '../doctor/probe.js'
import { type Arguments, type Command, configFile, UsageError } from './command.js'
import { readConfig } from './load.js'

export const doctor: Command = {
  name: 'doctor',
  summary: 'look at configuration, nginx, authorities and Mattermost, and say what to mend',
  usage: '--config FILE [--connect HOST:PORT] [--nginx-config FILE | --nginx-dump FILE] [--json]',
  help: `Asks everything that has to do with the gateway, changes nothing, and says what to do, one line each. Run it
where nginx and the gateway run, as root or as the service's user. Exit code 0 when nothing fails, 1 when
something does.

  --config FILE         the configuration
  --connect HOST:PORT   where the public address is to be reached from here, if not by its name
  --nginx-config FILE   nginx's main configuration file, if not its own default
  --nginx-dump FILE     what nginx -T printed elsewhere, in place of asking nginx here
  --json                for programs`,
  options: {
    config: { type: 'string' },
    connect: { type: 'string' },
    'nginx-config': { type: 'string' },
    'nginx-dump': { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args, terminal) {
    const file = configFile(args)
    const [nginxConfig, nginxDump] = [text(args, 'nginx-config'), text(args, 'nginx-dump')]
    const findings = await examine({
      loadConfig: () => readConfig(file, terminal, { uncheckedCredentials: true }),
      machine: thisMachine({ clock: systemClock, nginxConfig, nginxDump }),
      connectTo: connectTo(text(args, 'connect')),
    })
    terminal.out(args.values.json === true ? `${JSON.stringify(findings)}\n` : asText(findings))
    return findings.some(({ outcome }) => outcome === 'fail') ? 1 : 0
  },
}

function text(args: Arguments, name: string): string | null {
  const value = args.values[name]
  return typeof value === 'string' ? value : null
}

function connectTo(written: string | null): ConnectTo | null {
  if (written === null) return null
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(written)
  const host = found?.[1] ?? found?.[2]
  if (host === undefined) throw new UsageError(`--connect ${written} is not HOST:PORT.`)
  return { host, port: Number(found?.[3]) }
}

const marks = { ok: 'ok', warn: 'WARN', fail: 'FAIL', skipped: 'skipped' }

function asText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, outcome, text: found, remedy }) => [
    `${marks[outcome].padEnd(8)}${check.padEnd(width)}  ${printable(found)}`,
    ...(remedy === null ? [] : [`${''.padEnd(8 + width)}  -> ${printable(remedy)}`]),
  ])
  const count = (outcome: Finding['outcome']) =>
    findings.filter((finding) => finding.outcome === outcome).length
  return `${lines.join('\n')}\n\n${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} to mend, ${count('skipped')} not looked at\n`
}
