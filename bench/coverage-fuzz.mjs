// Fuzzing that follows coverage, by jazzer.js, which is not part of this project: certificates, CRLs and OCSP
// answers, each read as it comes off the wire. Whatever is thrown but a refusal, or takes a second, is a finding.
//   npm run build && node bench/coverage-fuzz.mjs CORPUS
// writes first inputs into CORPUS/certificate, CORPUS/list and CORPUS/answer, and prints the commands that fuzz from
// them. @jazzer.js/core 4.0.0 needs glibc 2.38 or newer (Debian 13, Ubuntu 24.04) for its prebuilt part.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sequence } from '../dist/pki/der-writer.js'
import {
  certificatePolicies,
  extendedKeyUsage,
  keyUsage,
  nameConstraints,
  subjectAltName,
} from '../dist/pki/extensions.js'
import { createAuthority, issueCertificate } from '../dist/pki/issue.js'
import { readCrl } from '../dist/revocation/crl/crl.js'
import { parseOcspAnswer } from '../dist/revocation/ocsp/response.js'
import { parseCertificate, presentedLimits } from '../dist/x509/certificate.js'
import { DerError } from '../dist/x509/der.js'
import { answerOf, listOf, makeSamples, responseOf, revokedAt, richListOf } from './revocation-samples.mjs'

/** Returns a refusal for what is none. */
export function certificate(bytes) {
  parseCertificate(bytes, presentedLimits)
}

/** A list that is read is also asked. */
export function list(bytes) {
  refused(() => {
    const { entries, head } = readCrl(Uint8Array.from(bytes), 'fuzz')
    entries.find(Uint8Array.of(1), head.issuer.key)
    entries.find(Uint8Array.of(0, 0xff), head.issuer.key)
  })
}

export function answer(bytes) {
  refused(() => parseOcspAnswer(bytes))
}

function refused(read) {
  try {
    read()
  } catch (error) {
    if (!(error instanceof DerError)) throw error
  }
}

const targets = { certificate, list, answer }

async function firstInputs() {
  const samples = await makeSamples(Math.floor(Date.now() / 1000) * 1000)
  const { ca, user, signed, now } = samples
  const validity = { notBefore: new Date(now - 1_000), notAfter: new Date(now + 86_400_000) }
  const subject = [
    { type: 'C', value: 'DE' },
    { type: 'CN', value: 'Fuzz' },
  ]
  const sub = await createAuthority({
    ...{ subject, issuer: ca, ...validity, pathLength: 0 },
    extensions: [
      certificatePolicies(['1.2.3', '1.2.4']),
      nameConstraints({ permitted: [{ email: 'example.com' }], excluded: [{ uri: 'x.example' }] }),
    ],
  })
  const leaf = await issueCertificate({
    ...{ subject, issuer: sub, ...validity, key: { kind: 'rsa', bits: 2048 } },
    extensions: [
      ...[keyUsage(['digitalSignature']), extendedKeyUsage(['1.3.6.1.5.5.7.3.2'])],
      subjectAltName([{ email: 'a@example.com' }, { dns: 'a.example.com' }, { upn: 'a@example.com' }]),
    ],
  })
  return {
    certificate: [ca.der, user.der, sub.der, leaf.der],
    list: [signed(listOf(samples)), signed(richListOf(samples))],
    answer: [
      answerOf(signed(responseOf(samples))),
      answerOf(signed(responseOf(samples, revokedAt(now)))),
      // Of a responder that has no answer now.
      sequence(Uint8Array.of(0x0a, 1, 3)),
    ],
  }
}

async function prepare(corpus) {
  for (const [target, inputs] of Object.entries(await firstInputs())) {
    await mkdir(join(corpus, target), { recursive: true })
    for (const [at, input] of inputs.entries()) await writeFile(join(corpus, target, `first-${at}`), input)
  }
  for (const target of Object.keys(targets))
    console.log(
      `npx --yes -p @jazzer.js/core@4.0.0 jazzer bench/coverage-fuzz.mjs ${join(corpus, target)} --fuzz_function ${target} --sync --timeout 1000 --disable_bug_detectors '.*' -- -max_len=16384 -max_total_time=300`,
    )
}

// jazzer.js imports this file for its targets; started by itself it has a folder as its argument.
if (process.argv[1] === import.meta.filename) {
  const [, , corpus] = process.argv
  if (corpus === undefined) throw new Error('name the folder of the corpus')
  await prepare(corpus)
}
