// What mattergate deliberately does differently from the letter of RFC 5280, or leaves to issuers: docs/divergences.md.
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { contextPrimitive, encode, integer, sequence } from '../../src/pki/der-writer.js'
import {
  basicConstraints,
  certificatePolicies,
  type ExtensionOptions,
  extendedKeyUsage,
  keyUsage,
  nameConstraints,
  subjectAltName,
} from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { extensionTypes, keyPurposes } from '../../src/x509/object-identifiers.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { Verifier } from '../../src/x509/verifier.js'
import { makeCa, makeUser, name, testTimeMs } from '../support/certificates.js'
import { resigned } from './resigned.js'

async function verdict(
  anchor: IssuedCertificate,
  leaf: { readonly der: Uint8Array },
  chain: readonly IssuedCertificate[] = [],
): Promise<string> {
  const require = {
    clientAuth: 'if-stated',
    minRsaBits: 2048,
    maxPathLength: 5,
    policies: anyPolicies,
  } as const
  const anchors = { file: 'ca.pem', text: anchor.pem }
  const verifier = new Verifier(createTrustStore([{ name: 'staff', anchors, intermediates: null, require }]))
  const found = await verifier.verify(
    leaf.der,
    chain.map(({ der }) => der),
    testTimeMs,
  )
  return found instanceof Refusal ? found.code : 'valid'
}

const ca = await makeCa('CA')

const requireExplicitPolicy: ExtensionOptions = {
  type: extensionTypes.policyConstraints,
  critical: false,
  value: sequence(contextPrimitive(0, Uint8Array.of(0))),
}

test('an anchor counts by its name, its key and its name constraints, and by nothing else', async (t) => {
  const anchors = [
    await makeCa('CA', { notAfter: new Date(testTimeMs - 1000) }),
    await makeCa('CA', { extensions: [extendedKeyUsage([keyPurposes.serverAuth])] }),
    await makeCa('CA', { extensions: [requireExplicitPolicy] }),
    await makeCa('CA', { pathLength: 0 }),
    await makeUser(await makeCa('Root')),
  ]
  for (const anchor of anchors) {
    const sub = await makeCa('Sub', { issuer: anchor })
    t.equal(await verdict(anchor, await makeUser(sub), [sub]), 'valid')
  }
  const constrained = await makeCa('CA', {
    extensions: [nameConstraints({ permitted: [{ email: 'other.example' }] })],
  })
  t.equal(await verdict(constrained, await makeUser(constrained)), 'constraint_violated')
})

test('what an authority should have written otherwise is no reason to refuse', async (t) => {
  const leaves: Record<string, Partial<Parameters<typeof makeUser>[1]>> = {
    'no key identifiers': { keyIdentifiers: false },
    'serial number zero': { serial: '00' },
    'a negative serial number': { serial: 'ff' },
    'keyCertSign without being an authority': { extensions: [keyUsage(['digitalSignature', 'keyCertSign'])] },
    'name constraints in a leaf': { extensions: [nameConstraints({ permitted: [{ dns: 'x' }] }, false)] },
    'a path length in a leaf': { extensions: [basicConstraints({ authority: false, pathLength: 0 })] },
    'an information access that is none': {
      extensions: [
        { type: extensionTypes.authorityInfoAccess, critical: false, value: Uint8Array.of(1, 2, 3) },
      ],
    },
    'alternative names alone, not critical': {
      subject: [],
      extensions: [subjectAltName([{ email: 'a@b' }])],
    },
  }
  for (const [title, options] of Object.entries(leaves)) {
    t.equal(await verdict(ca, await makeUser(ca, options)), 'valid', title)
  }
  const bare = await makeCa('Sub', { issuer: ca, keyIdentifiers: false })
  t.equal(await verdict(ca, await makeUser(bare), [bare]), 'valid', 'an authority without key identifiers')
})

test('constraints are obeyed, whether or not they are marked critical', async (t) => {
  const names = await makeCa('Sub', {
    issuer: ca,
    extensions: [nameConstraints({ permitted: [{ email: 'other.example' }] }, false)],
  })
  t.equal(await verdict(ca, await makeUser(names), [names]), 'constraint_violated')
  const policies = await makeCa('Sub', {
    issuer: ca,
    extensions: [certificatePolicies(['1.2.3']), requireExplicitPolicy],
  })
  t.equal(await verdict(ca, await makeUser(policies), [policies]), 'constraint_violated')
  const agreed = { extensions: [certificatePolicies(['1.2.3'])] }
  t.equal(await verdict(ca, await makeUser(policies, agreed), [policies]), 'valid')
})

test('a time before 2050 may be a GeneralizedTime, as long as it is one', async (t) => {
  const user = await makeUser(ca)
  const dated = (from: string, until: string) =>
    resigned(user.der, ca, ([version, serial, signature, issuer, , ...rest]) => {
      const moment = (text: string) => encode(text.length === 13 ? 0x17 : 0x18, Buffer.from(text, 'latin1'))
      return [version, serial, signature, issuer, sequence(moment(from), moment(until)), ...rest]
    })
  const judge = async (from: string, until: string) => verdict(ca, { der: await dated(from, until) })
  t.equal(await judge('20260101000000Z', '20270101000000Z'), 'valid')
  t.equal(await judge('260101000000Z', '20270101000000Z'), 'valid')
  t.equal(await judge('500101000000Z', '490101000000Z'), 'valid', 'from 1950 until 2049')
  t.equal(await judge('490101000000Z', '500101000000Z'), 'certificate_not_yet_valid')
  t.equal(await judge('20260101000000Z', '99991231235959Z'), 'valid', 'no end')
  for (const until of ['202701010000Z', '20270101000000', '20270101000000+0000', '20270101000000.5Z']) {
    t.equal(await judge('20260101000000Z', until), 'certificate_malformed', until)
  }
})

test('a wildcard is a label like any other, and common names are no host names', async (t) => {
  const excluding = await makeCa('Sub', {
    issuer: ca,
    extensions: [nameConstraints({ excluded: [{ dns: 'a.example.com' }] })],
  })
  const named = (dns: string) => ({ subject: name({ CN: 'x' }), extensions: [subjectAltName([{ dns }])] })
  t.equal(await verdict(ca, await makeUser(excluding, named('*.example.com')), [excluding]), 'valid')
  t.equal(
    await verdict(ca, await makeUser(excluding, named('*.a.example.com')), [excluding]),
    'constraint_violated',
  )
  const permitting = await makeCa('Sub', {
    issuer: ca,
    extensions: [nameConstraints({ permitted: [{ dns: 'example.com' }] })],
  })
  const common = { subject: name({ CN: 'other.example' }), extensions: [] }
  t.equal(await verdict(ca, await makeUser(permitting, common), [permitting]), 'valid')
})

test('what is critical and not acted on is refused, standard or not', async (t) => {
  const { subjectKeyIdentifier, authorityInfoAccess, crlDistributionPoints, issuerAltName } = extensionTypes
  for (const type of [authorityInfoAccess, crlDistributionPoints, issuerAltName]) {
    const extension = { type, value: sequence(sequence()) }
    const judge = async (critical: boolean) =>
      verdict(ca, await makeUser(ca, { extensions: [{ ...extension, critical }] }))
    t.equal(await judge(true), 'constraint_violated', type)
    t.equal(await judge(false), 'valid', type)
  }
  const identifier = { type: subjectKeyIdentifier, critical: true, value: encode(0x04, Uint8Array.of(1)) }
  const user = await makeUser(ca, { keyIdentifiers: false, extensions: [identifier] })
  t.equal(await verdict(ca, user), 'constraint_violated')
})

test('serial numbers of up to twenty octets are read, longer ones are not', async (t) => {
  const judge = async (serial: string) => {
    const user = await makeUser(ca)
    const der = await resigned(user.der, ca, ([version, , ...rest]) => [version, integer(serial), ...rest])
    return verdict(ca, { der })
  }
  t.equal(await judge('7f'.repeat(20)), 'valid')
  t.equal(await judge(`00${'ff'.repeat(20)}`), 'valid')
  t.equal(await judge('7f'.repeat(21)), 'certificate_malformed')
  t.equal(await judge(`00${'ff'.repeat(21)}`), 'certificate_malformed')
})
