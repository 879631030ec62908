import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { printable } from '../audit/printable.js'
import { type Explanation, explain as explainCertificate } from '../explain/explain.js'
import { openExplainer } from '../explain/open-explainer.js'
import type { DecodedCertificate } from '../intake/facts.js'
import { PemError, readPemBundle } from '../x509/pem.js'
import { type Command, configFile, UsageError } from './command.js'
import { loadForCommand } from './load.js'

export const explain: Command = {
  name: 'explain',
  summary: 'say what would happen to a certificate, and why',
  usage: 'CERT.pem --config FILE [--offline] [--json]',
  help: `Takes a certificate through every stage of the decision and says what each one found. The account is
looked up, nothing is changed. Exit code 0 when it would be let in, 1 when not.

  CERT.pem        the certificate; intermediates may follow it in the same file
  --config FILE   the configuration
  --offline       do not ask Mattermost for the account
  --json          for programs`,
  options: {
    config: { type: 'string' },
    offline: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run(args, terminal) {
    const [file, ...more] = args.positionals
    if (file === undefined || more.length > 0) throw new UsageError('name one certificate file.')
    const config = await loadForCommand(configFile(args), terminal, { uncheckedCredentials: true })
    const certificate = await readCertificateFile(file)
    const explainer = await openExplainer(config, {
      offline: args.values.offline === true,
      storeExists: existsSync(join(config.sessions.path, 'records.mdb')),
    })
    try {
      const explanation = await explainCertificate(certificate, explainer)
      terminal.out(args.values.json === true ? `${JSON.stringify(explanation)}\n` : asText(explanation))
      return explanation.decision === 'allow' ? 0 : 1
    } finally {
      await explainer.close()
    }
  },
}

async function readCertificateFile(file: string): Promise<DecodedCertificate> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  })
  const [leaf, ...chain] = readBlocks(file, bytes.toString('latin1'))
  if (leaf === undefined) {
    throw new UsageError(`${file} holds no certificate: a PEM file with a CERTIFICATE block is needed.`)
  }
  return { leaf, chain }
}

function readBlocks(file: string, text: string): readonly Uint8Array[] {
  try {
    return readPemBundle(text)
  } catch (error) {
    if (!(error instanceof PemError)) throw error
    throw new UsageError(`${file}:${error.line}: not PEM: ${error.message}. Convert it with openssl x509.`)
  }
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
