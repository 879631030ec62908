// For ../shared/conformance/run.mjs: what the installed `openssl verify` and `openssl ocsp` decide.
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const purposes = { clientAuth: ['-purpose', 'sslclient'], serverAuth: ['-purpose', 'sslserver'], any: [] }

/** @param input one case, as shared/conformance/README.md describes it */
export async function validate(input) {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-openssl-'))
  try {
    const file = (name, blocks, label) => {
      const path = join(folder, name)
      writeFileSync(path, blocks.map((block) => pem(block, label)).join(''))
      return path
    }
    const files = {
      folder,
      anchors: file('anchors.pem', input.anchors, 'CERTIFICATE'),
      untrusted: file('untrusted.pem', input.intermediates, 'CERTIFICATE'),
      leaf: file('leaf.pem', [input.leaf], 'CERTIFICATE'),
      crls: file('crls.pem', input.crls, 'X509 CRL'),
    }
    const path = openssl(['verify', ...verifyOptions(input, files), files.leaf])
    if (path.status !== 0 || input.revocation !== 'ocsp')
      return { accepted: path.status === 0, reason: path.text }
    return status(input, files)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function verifyOptions(input, files) {
  const { policies } = input
  const untrusted = input.intermediates.length === 0 ? [] : ['-untrusted', files.untrusted]
  const lists = input.crls.length === 0 ? [] : ['-CRLfile', files.crls]
  return [
    ...['-no-CApath', '-no-CAstore', '-trusted', files.anchors, ...untrusted, ...lists],
    ...['-partial_chain', '-attime', String(Date.parse(input.time) / 1000)],
    ...['-auth_level', input.minRsaBits >= 3072 ? '3' : input.minRsaBits >= 2048 ? '2' : '1'],
    ...purposes[input.purpose],
    ...(input.maxDepth === null ? [] : ['-verify_depth', String(input.maxDepth)]),
    ...(input.revocation === 'crl' ? [crlCheck(input), '-extended_crl', '-use_deltas'] : []),
    ...policies.initial.flatMap((policy) => ['-policy', policy]),
    '-policy_check',
    ...(policies.requireExplicit ? ['-explicit_policy'] : []),
    ...(policies.inhibitMapping ? ['-inhibit_map'] : []),
    ...(policies.inhibitAny ? ['-inhibit_any'] : []),
  ]
}

/** `-crl_check_all` asks for a list about an anchor as well that is not self-signed. */
function crlCheck({ intermediates }) {
  return intermediates.length === 0 ? '-crl_check' : '-crl_check_all'
}

/** `openssl ocsp` knows no other time than today's: the times that it prints are judged here. */
function status({ leaf, intermediates, anchors, ocsp, time }, files) {
  const certificate = new X509Certificate(Buffer.from(leaf, 'base64'))
  const issuer = [...intermediates, ...anchors]
    .map((der) => new X509Certificate(Buffer.from(der, 'base64')))
    .find((candidate) => certificate.checkIssued(candidate))
  if (issuer === undefined) return { accepted: false, reason: 'the issuer is not among the certificates' }
  const issuerFile = join(files.folder, 'issuer.pem')
  writeFileSync(issuerFile, issuer.toString())
  for (const response of ocsp) {
    const responseFile = join(files.folder, 'response.der')
    writeFileSync(responseFile, Buffer.from(response, 'base64'))
    const { text } = openssl([
      ...['ocsp', '-respin', responseFile, '-issuer', issuerFile, '-cert', files.leaf, '-no_nonce'],
      ...['-CAfile', files.anchors, '-partial_chain', '-attime', String(Date.parse(time) / 1000)],
    ])
    const isGood =
      text.includes('Response verify OK') && /leaf\.pem: good/.test(text) && isCurrent(text, time)
    if (isGood) return { accepted: true }
  }
  return { accepted: false, reason: 'no response says good' }
}

function isCurrent(text, time) {
  const from = Date.parse(/This Update: (.*)/.exec(text)?.[1] ?? '')
  const until = Date.parse(/Next Update: (.*)/.exec(text)?.[1] ?? '')
  return from <= Date.parse(time) && !(until < Date.parse(time))
}

function openssl(args) {
  const { status: code, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  return { status: code, text: `${stdout}${stderr}` }
}

function pem(base64, label) {
  return `-----BEGIN ${label}-----\n${base64.replace(/.{64}(?!$)/g, '$&\n')}\n-----END ${label}-----\n`
}
