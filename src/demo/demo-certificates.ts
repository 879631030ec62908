import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IssuedCertificate } from '../pki/issue.js'
import { createAuthority, issueCertificate } from '../pki/issue.js'
import type { NameAttributeOptions } from '../pki/name.js'
import { makePkcs12 } from '../pki/pkcs12.js'
import { serverExtensions, userExtensions } from '../pki/profiles.js'

/** Everyone of the demo who holds a certificate. */
export const holders = ['mmuser', 'expired', 'revoked', 'stranger', 'version1', 'weak'] as const
export type Holder = (typeof holders)[number]

export const pkcs12Password = 'mmuser-passphrase'

export interface DemoFiles {
  readonly folder: string
  readonly ca: string
  readonly serverCertificate: string
  readonly serverKey: string
  readonly pkcs12: string
  /** Names the certificate of `revoked`. */
  readonly denyList: string
  certificate(holder: Holder): string
  key(holder: Holder): string
  /** As nginx's `$ssl_client_escaped_cert` writes it. */
  escapedCertificate(holder: Holder): Promise<string>
}

const dayMs = 86_400_000

/** Makes the demo's certificates anew under `folder`: nothing of an earlier run is kept. */
export async function makeDemoCertificates(folder: string, now: Date): Promise<DemoFiles> {
  const files = filesIn(folder)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const from = (days: number) => new Date(now.getTime() + days * dayMs)
  const valid = { notBefore: from(-1), notAfter: from(365) }
  const ca = await createAuthority({
    subject: person('example.mattermost.com', 'admin@mattermost.com'),
    ...valid,
  })
  const otherCa = await createAuthority({
    subject: person('Somebody Else CA', 'ca@elsewhere.example'),
    ...valid,
  })
  const mmuser = { subject: person('mmuser', 'mmuser@mattermost.com'), issuer: ca, ...valid }
  const extensions = userExtensions({ email: 'mmuser@mattermost.com' })
  const made: Record<Holder, IssuedCertificate> = {
    mmuser: await issueCertificate({ ...mmuser, extensions }),
    expired: await issueCertificate({ ...mmuser, extensions, notBefore: from(-30), notAfter: from(-1) }),
    revoked: await issueCertificate({ ...mmuser, extensions }),
    stranger: await issueCertificate({ ...mmuser, extensions, issuer: otherCa }),
    version1: await issueCertificate({ ...mmuser, version: 1, key: { kind: 'rsa', bits: 2048 } }),
    weak: await issueCertificate({ ...mmuser, extensions, key: { kind: 'rsa', bits: 1024 } }),
  }
  const server = await issueCertificate({
    subject: person('localhost', 'admin@mattermost.com'),
    issuer: ca,
    ...valid,
    extensions: serverExtensions([{ dns: 'localhost' }, { ip: Uint8Array.of(127, 0, 0, 1) }]),
  })
  await writeFile(files.ca, ca.pem)
  await writeFile(files.serverCertificate, server.pem)
  await writeSecret(files.serverKey, server.privateKeyPem)
  for (const holder of holders) {
    await writeFile(files.certificate(holder), made[holder].pem)
    await writeSecret(files.key(holder), made[holder].privateKeyPem)
  }
  await writeFile(files.denyList, `# Lost, as it were.\nserial:${made.revoked.serial}\n`)
  await writeSecret(files.pkcs12, await pkcs12Of(made.mmuser, ca))
  return files
}

function filesIn(folder: string): DemoFiles {
  return {
    folder,
    ca: join(folder, 'ca.crt'),
    serverCertificate: join(folder, 'server.crt'),
    serverKey: join(folder, 'server.key'),
    pkcs12: join(folder, 'mmuser.p12'),
    denyList: join(folder, 'deny.txt'),
    certificate: (holder) => join(folder, `${holder}.crt`),
    key: (holder) => join(folder, `${holder}.key`),
    escapedCertificate: async (holder) =>
      encodeURIComponent(await readFile(join(folder, `${holder}.crt`), 'latin1')),
  }
}

/** The names that the Mattermost guide asks for. */
function person(commonName: string, email: string): NameAttributeOptions[] {
  return [
    { type: 'C', value: 'US' },
    { type: 'ST', value: 'Maryland' },
    { type: 'L', value: 'Meade' },
    { type: 'O', value: 'Mattermost' },
    { type: 'OU', value: 'Smarttotem' },
    { type: 'CN', value: commonName },
    { type: 'emailAddress', value: email },
  ]
}

function pkcs12Of(user: IssuedCertificate, ca: IssuedCertificate): Promise<Uint8Array> {
  return makePkcs12({
    certificate: user.der,
    privateKey: user.privateKey,
    chain: [ca.der],
    password: pkcs12Password,
    friendlyName: 'mmuser (mattergate demo)',
  })
}

async function writeSecret(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(file, content, { mode: 0o600 })
}
