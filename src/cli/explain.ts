import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { escapeUnsafe, printable } from '../audit/printable.js'
import { allAsText, isLetIn } from '../explain/all-as-text.js'
import { asText } from '../explain/as-text.js'
import { type Explanation, explain as explainCertificate } from '../explain/explain.js'
import { type ExplainedAll, explainAll } from '../explain/explain-all.js'
import { type Explainer, openExplainer } from '../explain/open-explainer.js'
import { readCertificateFile } from './certificate-file.js'
import { type Command, configFile, type Terminal, UsageError } from './command.js'
import { loadForCommand } from './load.js'
import { progressBar } from './progress-bar.js'

export const explain: Command = {
  name: 'explain',
  summary: 'say what would happen to a certificate, and why',
  usage: 'CERT.pem|DIRECTORY --config FILE [--offline] [--json]',
  help: `Takes a certificate through every stage of the decision and says what each one found: the path that was built,
or every path that was tried and why it fails; what revocation says, by which list or responder, and how old that
is. The account is looked up, nothing is changed. Exit code 0 when it would be let in, 1 when not.

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
        terminal.out(json ? asJson(explanation) : asText(explanation))
        return explanation.decision === 'allow' ? 0 : 1
      }
      const all = await explainFiles(path, files ?? [], { explainer, terminal })
      terminal.out(json ? asJson(all) : allAsText(all))
      return all.explained.every(isLetIn) ? 0 : 1
    } finally {
      await explainer.close()
    }
  },
}

async function explainFiles(
  folder: string,
  files: readonly string[],
  { explainer, terminal }: { readonly explainer: Explainer; readonly terminal: Terminal },
): Promise<ExplainedAll> {
  const named = files.map((name) => ({ name, read: () => readCertificateFile(join(folder, name)) }))
  const bar = progressBar(terminal, files.length)
  bar.show(0)
  try {
    return await explainAll(named, explainer, (done) => bar.show(done))
  } finally {
    bar.clear()
  }
}

/** Names of files and of subjects are others' words: in JSON, too, a terminal obeys none of them. */
function asJson(explained: Explanation | ExplainedAll): string {
  return `${escapeUnsafe(JSON.stringify(explained))}\n`
}

/** Names of the certificate files in a folder; null: the path is no folder. */
async function certificatesIn(path: string): Promise<readonly string[] | null> {
  const found = await stat(path).catch(() => null)
  if (found === null || !found.isDirectory()) return null
  const names = (await readdir(path)).filter((name) => /\.(pem|crt|cer|der)$/i.test(name)).toSorted()
  if (names.length === 0)
    throw new UsageError(`${printable(path)} holds no file of .pem, .crt, .cer or .der.`)
  return names
}
