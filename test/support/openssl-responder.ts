import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import type { IssuedCertificate } from '../../src/pki/issue.js'

const run = promisify(execFile)

export interface OpensslResponderOptions {
  readonly ca: IssuedCertificate
  readonly good: readonly IssuedCertificate[]
  readonly revoked: readonly IssuedCertificate[]
}

/**
 * A real `openssl ocsp` over its index. It answers through a server of ours: its own `-port` takes no address,
 * and would listen to the whole network.
 */
export async function openOpensslResponder(t: Test, options: OpensslResponderOptions): Promise<string> {
  const { ca, good, revoked } = options
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-ocsp-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const line = (flag: string, at: string, { serial }: IssuedCertificate) =>
    `${flag}\t360101000000Z\t${at}\t${serial.toUpperCase()}\tunknown\t/CN=x\n`
  const lines = [
    ...good.map((one) => line('V', '', one)),
    ...revoked.map((one) => line('R', '260101000000Z', one)),
  ]
  await writeFile(join(folder, 'index'), lines.join(''))
  await writeFile(join(folder, 'ca.pem'), ca.pem)
  await writeFile(join(folder, 'ca.key'), ca.privateKeyPem)
  const words = ['-index', 'index', '-CA', 'ca.pem', '-rsigner', 'ca.pem', '-rkey', 'ca.key', '-nmin', '60']
  let count = 0
  const answer = async (request: IncomingMessage): Promise<Buffer> => {
    const [asked, answered] = [`${(count += 1)}.req`, `${count}.resp`]
    const parts: Buffer[] = []
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
    await writeFile(join(folder, asked), Buffer.concat(parts))
    await run('openssl', ['ocsp', ...words, '-reqin', asked, '-respout', answered], { cwd: folder })
    return readFile(join(folder, answered))
  }
  const server = createServer((request, response) => {
    answer(request).then(
      (der) => response.writeHead(200, { 'content-type': 'application/ocsp-response' }).end(der),
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
