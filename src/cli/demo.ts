import { Demo } from '../demo/demo.js'
import { pkcs12Password } from '../demo/demo-certificates.js'
import { agrees, formatTable } from '../demo/table.js'
import type { Command, Terminal } from './command.js'
import { UsageError } from './command.js'

export const demo: Command = {
  name: 'demo',
  summary: 'show the main job on certificates and a Mattermost stand-in of its own',
  usage: '[--once] [--nginx] [--port PORT] [--folder FOLDER]',
  help: `Makes a CA, a server certificate and users with good and bad certificates, starts a stand-in for
Mattermost and the gateway with its own TLS listener, and says how to try it. Loopback only.

  --once           send every kind of request by every caller, print what was expected and what came, end;
                   exit code 0 only if all agree
  --nginx          a real nginx with the Mattermost guide's snippet in front, in place of own TLS
  --port PORT      where to listen; 8443 by default, with --once any free port
  --folder FOLDER  where everything is made anew; certs/demo by default`,
  options: {
    once: { type: 'boolean' },
    nginx: { type: 'boolean' },
    port: { type: 'string' },
    folder: { type: 'string' },
  },
  async run({ values }, terminal) {
    const once = values.once === true
    const running = await Demo.start({
      folder: typeof values.folder === 'string' ? values.folder : 'certs/demo',
      nginx: values.nginx === true,
      port: portOf(values.port, once),
    })
    try {
      if (once) return await sendEverything(running, terminal)
      terminal.out(invitation(running))
      await interrupted()
      return 0
    } finally {
      await running.close()
    }
  },
}

function portOf(value: string | boolean | undefined, once: boolean): number {
  if (typeof value !== 'string') return once ? 0 : 8443
  const port = Number(value)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError(`--port ${value} is no port: name one from 0 to 65535.`)
  }
  return port
}

async function sendEverything(running: Demo, terminal: Terminal): Promise<0 | 1> {
  const rows = await running.sendEverything()
  const differing = rows.filter((row) => !agrees(row)).length
  terminal.out(formatTable(rows))
  terminal.out(
    differing === 0
      ? `\nAll ${rows.length} requests went as expected.\n`
      : `\n${differing} of ${rows.length} requests did not go as expected (marked with !).\n`,
  )
  return differing === 0 ? 0 : 1
}

function invitation({ files, publicUrl, configFile, auditFile }: Demo): string {
  const curl = (holder: 'mmuser' | 'expired') =>
    `  curl --cacert ${files.ca} --cert ${files.certificate(holder)} --key ${files.key(holder)} \\
    ${publicUrl}/api/v4/users/me\n`
  return `mattergate is running on ${publicUrl}, in front of a stand-in for Mattermost.

A good certificate, and an expired one:

${curl('mmuser')}
${curl('expired')}
In a browser: import ${files.pkcs12}
(password ${pkcs12Password}), trust ${files.ca}
for web sites, and open ${publicUrl} or ${publicUrl}/.mattergate/whoami

What the gateway decided:

  mattergate audit show ${auditFile}
  mattergate explain ${files.certificate('expired')} --config ${configFile}

Ctrl-C ends it.
`
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}
