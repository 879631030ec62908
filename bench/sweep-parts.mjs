// Lists and certificates of the two benches of a sweep.
import { rename, writeFile } from 'node:fs/promises'
import { bitString, contextConstructed, integer, sequence, time } from '../dist/pki/der-writer.js'
import { encodeExtension } from '../dist/pki/extensions.js'
import { createAuthority, issueCertificate } from '../dist/pki/issue.js'
import { generateKeys } from '../dist/pki/keys.js'
import { userExtensions } from '../dist/pki/profiles.js'
import { signerFor } from '../dist/pki/signing.js'

const day = 86_400_000
const validity = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) }

export function makeCa() {
  return createAuthority({ subject: [{ type: 'CN', value: 'Sweep CA' }], ...validity })
}

/** Whole or not at all. @param number of the list: a later one has a higher */
export async function writeList(file, ca, number, serials) {
  const signer = signerFor(ca.privateKey)
  const revokedAt = time(new Date(Date.now() - day))
  const dates = [time(new Date(Date.now() - 60_000 + number * 1_000)), time(new Date(Date.now() + day))]
  const entries = serials.map((serial) => sequence(integer(serial), revokedAt))
  const crlNumber = encodeExtension({ type: '2.5.29.20', critical: false, value: integer(number) })
  const tbs = sequence(
    ...[integer(1), signer.algorithm, ca.subject, ...dates],
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    contextConstructed(0, sequence(crlNumber)),
  )
  await writeFile(`${file}.new`, sequence(tbs, signer.algorithm, bitString(await signer.sign(tbs))))
  await rename(`${file}.new`, file)
}

export async function makeUsers(ca, count) {
  // One key pair for all: they differ by serial and name.
  const key = await generateKeys({ kind: 'ec', curve: 'P-256' })
  const users = []
  for (let number = 0; number < count; number += 1) {
    const subject = [{ type: 'CN', value: `user${number}` }]
    users.push(
      await issueCertificate({ subject, issuer: ca, key, extensions: userExtensions(), ...validity }),
    )
  }
  return users
}
