import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Config } from '../../config/config.js'
import type { TrustStore } from '../../x509/trust-store.js'
import type { CertificateEnd } from './counts.js'

/**
 * When each certificate that the gateway relies on ends: of every trust, and of the TLS listener.
 *
 * @throws an error of the file system or of OpenSSL for the listener's certificate
 */
export async function certificateEnds(
  store: Pick<TrustStore, 'trusts'>,
  config: Pick<Config, 'listen'>,
): Promise<readonly CertificateEnd[]> {
  const trusted = store.trusts.flatMap(({ name, anchors, intermediates }) => [
    ...anchors.map(({ facts }) => ({ role: 'anchor' as const, trust: name, facts })),
    ...intermediates.map(({ facts }) => ({ role: 'intermediate' as const, trust: name, facts })),
  ])
  const ends = trusted.map(
    ({ role, trust, facts }): CertificateEnd => ({
      ...{ role, trust },
      subject: facts.subject,
      notAfterMs: facts.notAfter,
    }),
  )
  const { tls } = config.listen
  return tls === null ? ends : [...ends, await serverCertificateEnd(tls.certificate)]
}

/** The first certificate of the file is the one that is shown to browsers. */
async function serverCertificateEnd(file: string): Promise<CertificateEnd> {
  const certificate = new X509Certificate(await readFile(file))
  return {
    ...{ role: 'server', trust: '' },
    subject: certificate.subject.split('\n').reverse().join(','),
    notAfterMs: Date.parse(certificate.validTo),
  }
}
