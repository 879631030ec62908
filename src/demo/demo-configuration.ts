import { join } from 'node:path'
import type { DemoFiles } from './demo-certificates.js'

export interface DemoConfigurationOptions {
  readonly folder: string
  readonly files: DemoFiles
  /** A folder of this gateway's own: store, audit file, socket. */
  readonly state: string
  readonly publicUrl: string
  readonly adminToken: string
  readonly mattermost: string
  readonly listen: { readonly port: number } | 'behind nginx' | 'trusts nobody'
}

/** The demo's configuration as a file that `explain` and `check-config` can be tried with. */
export function demoConfiguration(options: DemoConfigurationOptions): string {
  const { files, state } = options
  return `# Made by mattergate demo.
${entrance(options)}
public:
  url: ${quoted(options.publicUrl)}
trust:
  - name: staff
    ca: ${quoted(files.ca)}
denyList: ${quoted(files.denyList)}
mattermost:
  url: ${quoted(options.mattermost)}
  signIn: access-token
  admin: { tokenFile: ${quoted(options.adminToken)} }
sessions: { path: ${quoted(join(state, 'store'))} }
audit: { file: ${quoted(join(state, 'audit.jsonl'))} }
`
}

function entrance({ files, state, listen }: DemoConfigurationOptions): string {
  switch (listen) {
    case 'behind nginx':
      // The Mattermost guide's snippet as it stands sends the certificate over several lines.
      return `listen:\n  socket: ${quoted(join(state, 'http.sock'))}\n  multilineHeader: true`
    case 'trusts nobody':
      // 192.0.2.1 belongs to no machine (RFC 5737).
      return 'listen: { host: 127.0.0.1, port: 0 }\nproxy:\n  trusted: [192.0.2.1/32]'
  }
  const tls = `{ certificate: ${quoted(files.serverCertificate)}, key: ${quoted(files.serverKey)} }`
  return `listen:\n  host: 127.0.0.1\n  port: ${listen.port}\n  tls: ${tls}`
}

/** A JSON string is a YAML string. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
