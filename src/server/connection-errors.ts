import { Refusal } from '../core/refusals.js'
import type { MenderLoss } from './multiline-framing.js'

/** What Node's parser, or its clock, held against a connection before any request was complete. */
export interface ConnectionProblem extends Error {
  readonly code?: string | undefined
  /** A Buffer, where the parser gave up; Fastify types it otherwise. */
  readonly rawPacket?: unknown
}

/**
 * Null: the client is gone, or went idle, and there is nothing to say.
 *
 * @param menderLoss why the mender made the parser refuse it, where it did
 */
export function connectionRefusal(
  problem: ConnectionProblem,
  certificateHeader: string,
  menderLoss: MenderLoss | null,
): Refusal | null {
  const detail = menderLoss ?? `${problem.code ?? 'error'}: ${problem.message}`
  if (menderLoss === 'certificate_form') return new Refusal('certificate_malformed', { detail })
  if (menderLoss === 'certificate_duplicated') return new Refusal('certificate_duplicated', { detail })
  if (problem.code === 'HPE_HEADER_OVERFLOW') return new Refusal('header_too_large', { detail })
  if (problem.code === 'HPE_INVALID_METHOD') return new Refusal('method_refused', { detail })
  if (problem.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Refusal('request_ambiguous', { detail })
  if (problem.code?.startsWith('HPE_') !== true || problem.code === 'HPE_INVALID_EOF_STATE') return null
  if (holdsMultilineCertificate(problem.rawPacket, certificateHeader)) return multilineRefusal()
  return new Refusal('request_ambiguous', { detail })
}

/**
 * The Mattermost guide's own snippet in strict mode: nginx's `$ssl_client_cert` is a PEM over several
 * lines, each newline followed by a TAB.
 */
function holdsMultilineCertificate(packet: unknown, certificateHeader: string): boolean {
  if (!Buffer.isBuffer(packet)) return false
  const text = packet.toString('latin1')
  const start = text.toLowerCase().indexOf(`\n${certificateHeader.toLowerCase()}:`)
  return start !== -1 && /^[^\n]*-----BEGIN CERTIFICATE-----\n\t/.test(text.slice(start + 1))
}

function multilineRefusal(): Refusal {
  return new Refusal('certificate_malformed', {
    detail:
      'nginx sends the certificate over several lines: write $ssl_client_escaped_cert in place of $ssl_client_cert in its configuration, or set listen.multilineHeader: true',
    remedy:
      'Administrators: write $ssl_client_escaped_cert in place of $ssl_client_cert in the nginx configuration, or set listen.multilineHeader: true.',
  })
}
