// For ../shared/conformance/run.mjs: the very verifier that the gate uses, as it was built into dist/.

import { RevocationChecker } from '../../dist/revocation/checker.js'
import { readCrl } from '../../dist/revocation/crl/crl.js'
import { CrlSource } from '../../dist/revocation/crl/crl-source.js'
import { statusIn } from '../../dist/revocation/ocsp/status-in.js'
import { unknown } from '../../dist/revocation/sources.js'
import { configuredLimits, parseCertificate } from '../../dist/x509/certificate.js'
import { DerError } from '../../dist/x509/der.js'
import { keyPurposes } from '../../dist/x509/object-identifiers.js'
import { createTrustStore } from '../../dist/x509/trust-store.js'
import { Verifier } from '../../dist/x509/verifier.js'

/** @param input one case, as shared/conformance/README.md describes it */
export async function validate(input) {
  const anchors = input.anchors.map(bytes).filter(isReadable)
  if (anchors.length === 0) return { accepted: false, reason: 'there is no anchor that can be read' }
  const store = createTrustStore([
    {
      name: 'case',
      anchors: { file: 'anchors', text: anchors.map(pem).join('') },
      intermediates: null,
      require: requirements(input),
    },
  ])
  const verifier = new Verifier(store, statusOf(input))
  const found = await verifier.verify(
    bytes(input.leaf),
    input.intermediates.map(bytes),
    Date.parse(input.time),
  )
  return 'code' in found
    ? { accepted: false, reason: `${found.code}: ${found.detail ?? ''}` }
    : { accepted: true }
}

function requirements({ purpose, maxDepth, minRsaBits, policies }) {
  return {
    clientAuth: purpose === 'any' ? 'never' : 'if-stated',
    keyPurpose: keyPurposes[purpose] ?? keyPurposes.clientAuth,
    minRsaBits: minRsaBits ?? 1_024,
    maxPathLength: maxDepth,
    policies: {
      initial: policies.initial,
      explicit: policies.requireExplicit,
      inhibitMapping: policies.inhibitMapping,
      inhibitAny: policies.inhibitAny,
    },
  }
}

function statusOf({ revocation, crls, ocsp: responses }) {
  if (revocation === 'none') return null
  const lists = crls.map(bytes).flatMap(readable)
  const crl = new CrlSource({ lists: () => lists, fetched: null, graceMs: 0 })
  const ocsp = givenResponses(responses.map(bytes))
  return new RevocationChecker(() => ({ mode: revocation, whenUnknown: 'refuse', crl, ocsp }))
}

/** The case's own responses in place of a responder: a revocation speaks first, then a good word. */
function givenResponses(responses) {
  return {
    async status(question) {
      let found = unknown('there is no OCSP response')
      for (const der of responses) {
        const status = await statusIn(der, question, { source: 'case', nonce: null })
        if (status.kind === 'revoked') return status
        if (status.kind === 'good' || found.kind !== 'good') found = status
      }
      return found
    },
  }
}

function readable(der) {
  try {
    return [readCrl(der, 'case')]
  } catch (error) {
    if (error instanceof DerError) return []
    throw error
  }
}

function bytes(base64) {
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}

function isReadable(der) {
  return !('code' in parseCertificate(der, configuredLimits))
}

function pem(der) {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
}
