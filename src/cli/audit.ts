import { type AuditFilters, showAudit } from '../audit/show.js'
import { flawTexts, verifyAuditFiles } from '../audit/verify.js'
import { type Arguments, type Command, type ExitCode, type Terminal, UsageError } from './command.js'

export const audit: Command = {
  name: 'audit',
  summary: 'check the audit files, or print what they say',
  usage: 'verify|show FILE… [OPTIONS]',
  help: `verify checks the hash chain over the files, oldest first: exit code 0 when it holds, 1 when not, naming
the first line that is wrong. show prints the events that fit all the filters given.

  --json             for programs
  --user NAME        username, user id, or the value read from the certificate
  --event NAME       sign_in, request, refuse, fault, websocket_end, token, start, stop
  --decision WORD    allow or refuse
  --reason CODE      a refusal's code
  --since TIME       ISO 8601, inclusive
  --until TIME       ISO 8601, exclusive
  --certificate HEX  a serial, or the SHA-256 of the certificate
  --request ID       a request id`,
  options: {
    json: { type: 'boolean' },
    user: { type: 'string' },
    event: { type: 'string' },
    decision: { type: 'string' },
    reason: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    certificate: { type: 'string' },
    request: { type: 'string' },
  },
  async run(args, terminal) {
    const [action, ...files] = args.positionals
    if (files.length === 0) throw new UsageError('name an action and at least one file.')
    if (action === 'verify') return verify(files, args, terminal)
    if (action === 'show') return show(files, args, terminal)
    throw new UsageError(`there is no action '${action ?? ''}': verify or show.`)
  },
}

async function verify(files: readonly string[], args: Arguments, terminal: Terminal): Promise<ExitCode> {
  const result = await verifyAuditFiles(files)
  if (args.values.json === true) terminal.out(`${JSON.stringify(result)}\n`)
  else if (result.ok) {
    const head = result.headHash === null ? '' : `, head ${result.headHash}`
    terminal.out(`The chain holds: ${result.events} events${head}\n`)
  } else terminal.out(`${result.file}:${result.line}: ${flawTexts[result.reason]}\n`)
  return result.ok ? 0 : 1
}

async function show(files: readonly string[], args: Arguments, terminal: Terminal): Promise<ExitCode> {
  const format = args.values.json === true ? 'json' : 'text'
  for await (const line of showAudit(files, filters(args), format)) terminal.out(`${line}\n`)
  return 0
}

function filters({ values }: Arguments): AuditFilters {
  const words = ['user', 'event', 'decision', 'reason', 'certificate'] as const
  const given = Object.fromEntries(
    words.flatMap((name) => (typeof values[name] === 'string' ? [[name, values[name]]] : [])),
  )
  return {
    ...given,
    ...(typeof values.request === 'string' ? { requestId: values.request } : {}),
    ...(typeof values.since === 'string' ? { since: moment('since', values.since) } : {}),
    ...(typeof values.until === 'string' ? { until: moment('until', values.until) } : {}),
  }
}

function moment(option: string, text: string): number {
  const time = Date.parse(text)
  if (Number.isNaN(time))
    throw new UsageError(`--${option} ${text} is not a time: write it as 2026-11-25T08:00:00Z.`)
  return time
}
