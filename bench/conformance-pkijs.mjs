// For ../shared/conformance/run.mjs: what pkijs decides by itself, its certificate chain engine as it comes.
import * as pkijs from 'pkijs'

/** @param input one case, as shared/conformance/README.md describes it */
export async function validate(input) {
  let engine
  try {
    engine = new pkijs.CertificateChainValidationEngine({
      trustedCerts: input.anchors.map((der) => pkijs.Certificate.fromBER(bytes(der))),
      certs: [...input.intermediates, input.leaf].map((der) => pkijs.Certificate.fromBER(bytes(der))),
      crls: input.crls.map((der) => pkijs.CertificateRevocationList.fromBER(bytes(der))),
      ocsps: input.ocsp.flatMap(basicResponse),
      checkDate: new Date(input.time),
    })
  } catch (error) {
    return { accepted: false, reason: `cannot be read: ${error.message}` }
  }
  const { result, resultMessage } = await engine.verify({
    initialPolicySet: input.policies.initial,
    initialExplicitPolicy: input.policies.requireExplicit,
    initialPolicyMappingInhibit: input.policies.inhibitMapping,
    initialInhibitPolicy: input.policies.inhibitAny,
  })
  return { accepted: result, reason: resultMessage }
}

function basicResponse(der) {
  const response = pkijs.OCSPResponse.fromBER(bytes(der))
  if (response.responseBytes === undefined) return []
  return [pkijs.BasicOCSPResponse.fromBER(response.responseBytes.response.valueBlock.valueHexView)]
}

function bytes(base64) {
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}
