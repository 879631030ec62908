import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { printable } from '../audit/printable.js'
import { type Explanation, explain as explainCertificate } from '../explain/explain.js'
import { type ExplainedAll, explainAll, type NamedExplanation } from '../explain/explain-all.js'
import { openExplainer } from '../explain/open-explainer.js'
import { readCertificateFile } from './certificate-file.js'
import { type Command, configFile, type Terminal, UsageError } from './command.js'
import { loadForCommand } from './load.js'

export const explain: Command = {
  name: 'explain',
  summary: 'say what would happen to a certificate, and why',
  usage: 'CERT.pem|DIRECTORY --config FILE [--offline] [--json]',
  help: `Takes a certificate through every stage of the decision and says what each one found. The account is
looked up, nothing is changed. Exit code 0 when it would be let in, 1 when not.

  CERT.pem        the certificate, PEM or DER; in PEM, intermediates may follow it
  DIRECTORY       every certificate in it (.pem, .crt, .cer, .der): who gets in, who does not and why, and
                  which certificates lead to one account; exit code 0 when all would be let in
  --config FILE   the configuration
  --offline       do not ask Mattermost for the account
  --json          for programs`,
  options: {
    config: { type: 'string' },
    offline: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run(args, terminal) {
    const [path, ...more] = args.positionals
    if (path === undefined || more.length > 0) throw new UsageError('name one certificate file or folder.')
    const files = await certificatesIn(path)
    // Of a single file, what is wrong with it comes before what is wrong with anything else.
    const certificate = files === null ? await readCertificateFile(path) : null
    const config = await loadForCommand(configFile(args), terminal, { uncheckedCredentials: true })
    const explainer = await openExplainer(config, {
      offline: args.values.offline === true,
      storeExists: existsSync(join(config.sessions.path, 'records.mdb')),
    })
    const json = args.values.json === true
    try {
      if (certificate !== null) {
        const explanation = await explainCertificate(certificate, explainer)
        terminal.out(json ? `${JSON.stringify(explanation)}\n` : asText(explanation))
        return explanation.decision === 'allow' ? 0 : 1
      }
      const bar = progressBar(terminal, files?.length ?? 0)
      const named = (files ?? []).map((file) => ({
        name: file,
        read: () => readCertificateFile(join(path, file)),
      }))
      const all = await explainAll(named, explainer, (done) => bar.show(done))
      bar.clear()
      terminal.out(json ? `${JSON.stringify(all)}\n` : allAsText(all))
      return all.explained.every(isLetIn) ? 0 : 1
    } finally {
      await explainer.close()
    }
  },
}

/** Names of the certificate files in a folder; null: the path is no folder. */
async function certificatesIn(path: string): Promise<readonly string[] | null> {
  const found = await stat(path).catch(() => null)
  if (found === null || !found.isDirectory()) return null
  const names = (await readdir(path)).filter((name) => /\.(pem|crt|cer|der)$/i.test(name)).toSorted()
  if (names.length === 0) throw new UsageError(`${path} holds no file of .pem, .crt, .cer or .der.`)
  return names
}

const barWidth = 30

/** On a terminal only, and on its own line, which it gives back. */
function progressBar(terminal: Terminal, total: number): { show(done: number): void; clear(): void } {
  if (!terminal.interactive) return { show: () => undefined, clear: () => undefined }
  return {
    show: (done) => {
      const filled = Math.round((done / total) * barWidth)
      terminal.err(`\r[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${done}/${total}`)
    },
    clear: () => terminal.err(`\r${' '.repeat(barWidth + 2 * String(total).length + 4)}\r`),
  }
}

function isLetIn({ explanation }: NamedExplanation): boolean {
  return typeof explanation !== 'string' && explanation.decision === 'allow'
}

function allAsText({ explained, collisions }: ExplainedAll): string {
  const width = Math.max(...explained.map(({ name }) => name.length))
  const lines = explained.map(
    ({ name, explanation }) => `${printable(name).padEnd(width)}  ${oneLine(explanation)}`,
  )
  const shared = collisions.map(
    ({ account, names }) => `${printable(account)} is reached by ${names.map(printable).join(', ')}`,
  )
  const letIn = explained.filter(isLetIn).length
  const sum = `${letIn} would be let in, ${explained.length - letIn} would not`
  return `${[...lines, '', ...shared, ...(shared.length > 0 ? [''] : []), sum].join('\n')}\n`
}

function oneLine(explanation: Explanation | string): string {
  if (typeof explanation === 'string') return `unreadable: ${printable(explanation)}`
  const { user, identity, code, detail } = explanation
  if (explanation.decision === 'allow') return `allow   ${printable(user?.username ?? identity?.value ?? '')}`
  return `refuse  ${code ?? ''}${detail === undefined ? '' : `: ${printable(detail)}`}`
}

const marks = { ok: 'ok', refuse: 'REFUSE', 'not reached': '-', 'not asked': 'not asked' }

function asText(explanation: Explanation): string {
  const lines = explanation.stages.map(({ stage, outcome, text }) =>
    `${stage.padEnd(12)} ${marks[outcome].padEnd(9)} ${printable(text)}`.trimEnd(),
  )
  const end =
    explanation.code === undefined
      ? ['decision     allow']
      : [
          `decision     refuse: ${explanation.code}`,
          `             ${explanation.message ?? ''}`,
          `             ${explanation.remedy ?? ''}`,
        ]
  return `${[...lines, ...end].join('\n')}\n`
}
