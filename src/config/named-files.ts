import { constants } from 'node:fs'
import { access, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createSecureContext } from 'node:tls'
import { credentialName, type FilePlaces, isCredentialName } from './file-places.js'
import type { IssueList } from './issue-list.js'
import { findValues, type KeyPath, valueAt } from './key-path.js'

interface FileKind {
  /** Whether others on the machine must not read it. */
  readonly secret: boolean
  /** What is wrong with its content; null: nothing that can be seen from here. */
  readonly judge: (content: string) => string | null
}

const certificates: FileKind = { secret: false, judge: judgeCertificates }

const namedFiles: readonly (readonly [pattern: string, kind: FileKind])[] = [
  ['listen.tls.certificate', certificates],
  ['listen.tls.key', { secret: true, judge: judgePrivateKey }],
  ['proxy.secretFile', { secret: true, judge: judgeProxySecret }],
  ['trust.*.ca', certificates],
  ['trust.*.intermediates', certificates],
  ['denyList', { secret: false, judge: () => null }],
  ['mattermost.admin.tokenFile', { secret: true, judge: judgeToken }],
  ['sessions.keyFile', { secret: true, judge: judgeStoreKey }],
]

export interface NamedFilesOptions {
  readonly places: FilePlaces
  /** A credential that only the running service can see warns instead of failing. */
  readonly uncheckedCredentials: boolean
}

/** Reads every file that the configuration names, as far as it can be judged without parsing X.509. */
export async function checkNamedFiles(
  root: unknown,
  issues: IssueList,
  options: NamedFilesOptions,
): Promise<void> {
  for (const [pattern, kind] of namedFiles) {
    for (const { path, value } of findValues(root, pattern)) {
      if (typeof value === 'string' && value !== '')
        await checkFile({ path, written: value, kind }, issues, options)
    }
  }
  await checkCrls(root, issues, options.places)
  await checkTlsPair(root, issues, options.places)
  await checkAuditFile(root, issues, options.places)
}

/** Files or folders; URLs are fetched while running. What is in them is judged by whoever reads CRLs. */
async function checkCrls(root: unknown, issues: IssueList, places: FilePlaces): Promise<void> {
  for (const { path, value } of findValues(root, 'trust.*.revocation.crl.*')) {
    if (typeof value !== 'string' || value === '' || isAddress(value)) continue
    const file = places.absolute(value)
    try {
      await access(file, constants.R_OK)
    } catch (error) {
      issues.add(path, `${file} ${readProblem(error)}`)
    }
  }
}

function isAddress(place: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(place)
}

interface NamedFile {
  readonly path: KeyPath
  readonly written: string
  readonly kind: FileKind
}

async function checkFile(
  { path, written, kind }: NamedFile,
  issues: IssueList,
  options: NamedFilesOptions,
): Promise<void> {
  const credential = credentialName(written)
  if (credential !== null && !isCredentialName(credential)) {
    issues.add(
      path,
      "what follows 'credential:' is the name in systemd's LoadCredential=: write it without a slash",
    )
    return
  }
  if (!options.places.isVisible(written)) {
    const text = 'only the running service sees this credential ($CREDENTIALS_DIRECTORY is not set)'
    if (options.uncheckedCredentials) issues.warn(path, `${text}: it was not checked`)
    else issues.add(path, `${text}: start it by its systemd unit, or name a file`)
    return
  }
  const file = options.places.absolute(written)
  const content = await readWhole(file)
  if (content.problem !== null) issues.add(path, `${file} ${content.problem}`)
  else report(path, { file, ...content }, kind, issues)
}

function report(
  path: KeyPath,
  read: { file: string; text: string; mode: number },
  kind: FileKind,
  issues: IssueList,
): void {
  const { file, text, mode } = read
  const problem = kind.judge(text)
  if (problem !== null) issues.add(path, `${file} ${problem}`)
  // Beyond 0640: the group may write, or others may do anything.
  if (kind.secret && (mode & 0o027) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0')
    issues.warn(path, `${file} is a secret with mode ${octal}: set it to 0640 or less (chmod 0640)`)
  }
}

type Content =
  | { readonly text: string; readonly mode: number; readonly problem: null }
  | { readonly problem: string }

async function readWhole(file: string): Promise<Content> {
  try {
    const { mode } = await stat(file)
    return { text: await readFile(file, 'utf8'), mode, problem: null }
  } catch (error) {
    return { problem: readProblem(error) }
  }
}

/** What the operating system said, as what to do about it. */
export function readProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  if (code === 'ENOENT') return 'does not exist: create it, or correct the path'
  if (code === 'EACCES') return 'may not be read by this user: give its group the right to (chmod g+r)'
  if (code === 'EISDIR') return 'is a folder: name a file'
  return `cannot be read (${code}): correct the path`
}

function judgeCertificates(content: string): string | null {
  const found = /^-----BEGIN CERTIFICATE-----\s[\s\S]*?^-----END CERTIFICATE-----/m.test(content)
  return found ? null : 'holds no PEM certificate (BEGIN CERTIFICATE): convert it with openssl x509'
}

function judgePrivateKey(content: string): string | null {
  if (/^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(content)) {
    return 'is encrypted, and nobody could type its passphrase: store it without one (openssl pkey)'
  }
  const found = /^-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/m.test(content)
  return found ? null : 'holds no PEM private key (BEGIN PRIVATE KEY): convert it with openssl pkey'
}

function judgeProxySecret(content: string): string | null {
  const lines = content.split(/\r?\n/).filter((line) => line !== '')
  if (lines.length === 0) return 'is empty: write one line into it (openssl rand -hex 32)'
  if (lines.length > 2) return 'has more than two lines: keep the new secret and the old one'
  const sendable = lines.every((line) => /^[!-~]+$/.test(line))
  return sendable
    ? null
    : 'holds a space or a character that a header cannot carry: make it with openssl rand -hex 32'
}

function judgeToken(content: string): string | null {
  if (content.trim() === '') return "is empty: write the administrator's access token into it"
  return /^[!-~]+$/.test(content.trim()) ? null : 'holds more than one token: write one line'
}

function judgeStoreKey(content: string): string | null {
  const key = content.trim()
  const fits =
    /^[0-9a-f]{64}$/i.test(key) || /^[A-Za-z0-9+/]{43}=?$/.test(key) || /^[A-Za-z0-9_-]{43}=?$/.test(key)
  return fits ? null : 'is not 32 bytes as hex or base64 text: make it with openssl rand -base64 32'
}

async function checkTlsPair(root: unknown, issues: IssueList, places: FilePlaces): Promise<void> {
  const [certificate, key] = ['certificate', 'key'].map((name) => valueAt(root, ['listen', 'tls', name]))
  if (typeof certificate !== 'string' || typeof key !== 'string') return
  if (!places.isVisible(certificate) || !places.isVisible(key)) return
  const [cert, privateKey] = [
    await readWhole(places.absolute(certificate)),
    await readWhole(places.absolute(key)),
  ]
  if (cert.problem !== null || privateKey.problem !== null) return
  if (judgeCertificates(cert.text) !== null || judgePrivateKey(privateKey.text) !== null) return
  try {
    createSecureContext({ cert: cert.text, key: privateKey.text })
  } catch (error) {
    const reason = error instanceof Error && 'reason' in error ? String(error.reason) : 'unreadable'
    issues.add(
      ['listen', 'tls'],
      `certificate and key cannot be used together (${reason}): name the key that belongs to this certificate`,
    )
  }
}

const auditFile: KeyPath = ['audit', 'file']

async function checkAuditFile(root: unknown, issues: IssueList, places: FilePlaces): Promise<void> {
  const written = valueAt(root, auditFile) ?? '/var/log/mattergate/audit.jsonl'
  if (typeof written !== 'string' || written === '') return
  const file = places.absolute(written)
  const folder = dirname(file)
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder) {
    issues.add(auditFile, `the folder ${folder} does not exist: create it, writable by the service's user`)
    return
  }
  const isOther = await stat(file).then(
    (found) => !found.isFile(),
    () => false,
  )
  if (isOther)
    issues.add(auditFile, `${file} is not a regular file: name one that is, or that can be created`)
}
