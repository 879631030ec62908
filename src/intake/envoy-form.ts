import { createHash } from 'node:crypto'
import { Refusal } from '../core/refusals.js'
import {
  type CertificateForm,
  isTooLong,
  malformed,
  mostCertificates,
  presentedChain,
  tooLarge,
  wordVerdicts,
} from './certificate-form.js'
import { readEscapedPem, readOneEscapedPem } from './escaped-pem.js'
import type { DecodedCertificate } from './facts.js'
import { type ForwardedElement, lastForwardedElement } from './forwarded-client-cert.js'

/**
 * Envoy's X-Forwarded-Client-Cert, of which the last element counts: with `SANITIZE_SET` it is the only
 * one, with `APPEND_FORWARD` the one that Envoy itself wrote behind whatever the client sent. An element
 * in front of it is never fallen back to. `Cert` is the leaf, `Chain` all that the client sent, the leaf
 * first; either may be left out
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert).
 */
export function envoyForm(certificateBytes: number): CertificateForm {
  return {
    name: 'envoy',
    absent: [],
    verdicts: wordVerdicts,
    decode(value) {
      // Each certificate may stand there twice, in Cert and in Chain.
      if (isTooLong(value, certificateBytes, 2 * mostCertificates)) return tooLarge()
      const element = lastForwardedElement(value)
      return element === null
        ? malformed('it is not of the form of X-Forwarded-Client-Cert')
        : readElement(element, certificateBytes)
    },
  }
}

function readElement(element: ForwardedElement, certificateBytes: number): DecodedCertificate | Refusal {
  const [cert, chain, hash] = ['cert', 'chain', 'hash'].map((key) => element.get(key) ?? [])
  if ([cert, chain, hash].some((values) => (values?.length ?? 0) > 1)) {
    return malformed('its last element says the same twice')
  }
  const [leafText, chainText] = [cert?.[0], chain?.[0]]
  if (leafText === undefined && chainText === undefined) return unsetRefusal()
  const leaf = leafText === undefined ? [] : readOneEscapedPem(leafText)
  if (leaf instanceof Refusal) return leaf
  const sent = chainText === undefined ? leaf : readEscapedPem(chainText)
  if (sent instanceof Refusal) return sent
  if (leaf.length > 0 && !isSame(leaf[0], sent[0])) return malformed('its Chain does not begin with its Cert')
  if (hash?.[0] !== undefined && !isDigestOf(hash[0], sent[0]))
    return malformed('its Hash is not that of its Cert')
  return presentedChain(sent, certificateBytes)
}

function isSame(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  return left !== undefined && right !== undefined && Buffer.compare(left, right) === 0
}

function isDigestOf(hash: string, der: Uint8Array | undefined): boolean {
  return der !== undefined && createHash('sha256').update(der).digest('hex') === hash.toLowerCase()
}

/** Envoy names the certificate by its digest alone, unless it is told to send it. */
function unsetRefusal(): Refusal {
  const cure = 'set set_current_client_cert_details: { cert: true, chain: true } in the Envoy configuration'
  return new Refusal('certificate_malformed', {
    detail: `Envoy's element of X-Forwarded-Client-Cert holds no certificate: ${cure}`,
    remedy: `Administrators: ${cure}.`,
  })
}
