import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { certificateForm } from '../intake/certificate-forms.js'
import { Intake } from '../intake/intake.js'

/** The way in that the configuration describes. */
export async function createIntake(config: Config): Promise<Intake> {
  const { proxy, listen, limits } = config
  return new Intake({
    entrance:
      listen.tls === null
        ? {
            kind: 'proxy',
            trustedPeers: proxy.trusted,
            unixSocketTrusted: listen.kind === 'socket',
            secrets: await readSecrets(proxy.secretFile),
            form: certificateForm(proxy.certificate, limits.certificateBytes),
            certificateHeader: proxy.certificateHeader,
            chainHeader: proxy.chainHeader,
            subjectHeader: proxy.subjectHeader,
            verifyHeader: proxy.verifyHeader,
          }
        : { kind: 'tls' },
    origins: [config.public.url, ...config.public.origins],
    routes: config.routes,
  })
}

/** One secret a line; the loader has judged the file. */
async function readSecrets(file: string | null): Promise<readonly string[]> {
  if (file === null) return []
  const text = await readFile(file, 'utf8')
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
