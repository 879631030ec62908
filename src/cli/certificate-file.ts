import { readFile } from 'node:fs/promises'
import { printable } from '../audit/printable.js'
import type { DecodedCertificate } from '../intake/facts.js'
import { PemError, readPemBundle } from '../x509/pem.js'
import { UsageError } from './command.js'

/** ASN.1's SEQUENCE, with which a certificate in DER begins and no PEM file does. */
const derStart = 0x30

/**
 * A certificate in PEM, where intermediates may follow it, or in DER.
 *
 * @throws UsageError where the file cannot be read, or holds no certificate
 */
export async function readCertificateFile(file: string): Promise<DecodedCertificate> {
  const bytes = await readFile(file).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(printable(`${file} cannot be read: ${why}`))
  })
  if (bytes[0] === derStart) return { leaf: bytes, chain: [] }
  const [leaf, ...chain] = readBlocks(file, bytes.toString('latin1'))
  if (leaf === undefined) {
    throw new UsageError(
      `${printable(file)} holds no certificate: a PEM file with a CERTIFICATE block is needed.`,
    )
  }
  return { leaf, chain }
}

function readBlocks(file: string, text: string): readonly Uint8Array[] {
  try {
    return readPemBundle(text)
  } catch (error) {
    if (!(error instanceof PemError)) throw error
    throw new UsageError(
      `${printable(file)}:${error.line}: not PEM: ${error.message}. Convert it with openssl x509.`,
    )
  }
}
