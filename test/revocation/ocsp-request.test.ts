import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { encodeOcspRequest } from '../../src/revocation/ocsp/request.js'

test('asks in a form that openssl reads back with its serial and nonce', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ocsp-request-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'request.der')
  const serial = Buffer.from('00e1020304', 'hex')
  const certificate = { issuerName: Buffer.from('3000', 'hex'), issuerKey: Buffer.from('key'), serial }
  writeFileSync(file, encodeOcspRequest(certificate, Buffer.alloc(32, 0xab)))
  const text = execFileSync('openssl', ['ocsp', '-reqin', file, '-req_text'], { encoding: 'utf8' })
  t.match(text, /Serial Number: E1020304/)
  t.match(text, /OCSP Nonce:\s+0420(AB){32}/)
  t.match(text, /Hash Algorithm: sha1/)
  t.end()
})
