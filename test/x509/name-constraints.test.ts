// RFC 5280 §4.2.1.10, §6.1.3(b) and (c): each form of name, within and outside, permitted and excluded.
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { type GeneralNameOptions, nameConstraints, subjectAltName } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { anyPolicies } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { Verifier } from '../../src/x509/verifier.js'
import { makeCa, makeUser, name, testTimeMs } from '../support/certificates.js'

const ca = await makeCa('CA')

async function verdict(
  leaf: IssuedCertificate,
  chain: readonly IssuedCertificate[],
  anchor: IssuedCertificate = ca,
): Promise<string> {
  const require = {
    clientAuth: 'if-stated',
    minRsaBits: 2048,
    maxPathLength: 5,
    policies: anyPolicies,
  } as const
  const anchors = { file: 'ca.pem', text: anchor.pem }
  const verifier = new Verifier(createTrustStore([{ name: 'staff', anchors, intermediates: null, require }]))
  const ders = chain.map(({ der }) => der)
  const found = await verifier.verify(leaf.der, ders, testTimeMs)
  return found instanceof Refusal ? found.code : 'valid'
}

type Subtrees = Parameters<typeof nameConstraints>[0]

/** A leaf with these names and no others but its common name, below a CA with these constraints. */
async function below(subtrees: Subtrees, names: readonly GeneralNameOptions[], subject = name({ CN: 'x' })) {
  const sub = await makeCa('Sub', { issuer: ca, extensions: [nameConstraints(subtrees)] })
  const extensions = names.length === 0 ? [] : [subjectAltName(names)]
  return verdict(await makeUser(sub, { subject, extensions }), [sub])
}

const ip = (...octets: number[]) => ({ ip: Uint8Array.from(octets) })
const directory = (attributes: Record<string, string>) => ({ directory: name(attributes) })

type Row = readonly [base: GeneralNameOptions, within: GeneralNameOptions, outside: GeneralNameOptions]

const rows: Readonly<Record<string, Row>> = {
  'a mailbox': [{ email: 'a@example.com' }, { email: 'a@EXAMPLE.com' }, { email: 'A@example.com' }],
  'a host of mailboxes': [
    { email: 'example.com' },
    { email: 'b@Example.com' },
    { email: 'b@mail.example.com' },
  ],
  'a domain of mailboxes': [
    { email: '.example.com' },
    { email: 'b@mail.example.com' },
    { email: 'b@example.com' },
  ],
  'a DNS name': [{ dns: 'example.com' }, { dns: 'A.b.EXAMPLE.com' }, { dns: 'badexample.com' }],
  'a DNS name with a leading dot': [
    { dns: '.example.com' },
    { dns: 'a.example.com' },
    { dns: 'example.com' },
  ],
  'a host of URIs': [
    { uri: 'example.com' },
    { uri: 'https://u@Example.com:8443/x' },
    { uri: 'https://a.example.com/' },
  ],
  'a domain of URIs': [{ uri: '.example.com' }, { uri: 'ftp://a.example.com' }, { uri: 'ftp://example.com' }],
  'an IPv4 network': [ip(10, 1, 0, 0, 255, 255, 0, 0), ip(10, 1, 2, 3), ip(10, 2, 2, 3)],
  'an IPv6 network': [
    ip(
      ...[0x20, 1, ...Array.from({ length: 14 }, () => 0)],
      ...[255, 255, ...Array.from({ length: 14 }, () => 0)],
    ),
    ip(0x20, 1, ...Array.from({ length: 14 }, () => 7)),
    ip(0x20, 2, ...Array.from({ length: 14 }, () => 7)),
  ],
  'an IPv4 network, and an IPv6 address': [
    ip(0, 0, 0, 0, 0, 0, 0, 0),
    ip(10, 1, 2, 3),
    ip(...Array.from({ length: 16 }, () => 1)),
  ],
  'a directory': [
    directory({ O: 'Zoo', OU: 'Apes' }),
    directory({ O: ' zoo ', OU: 'APES', CN: 'x' }),
    directory({ O: 'Zoo', CN: 'x' }),
  ],
  'a user principal name': [{ upn: 'example.com' }, { upn: 'a@example.com' }, { upn: 'a@other.example' }],
}

test('a name within is let in where it is permitted, and refused where it is excluded; outside the other way', async (t) => {
  for (const [title, [base, within, outside]] of Object.entries(rows)) {
    // The leaf has a subject as well, which a permitted directory must hold.
    const subject = 'directory' in base ? name({ O: 'Zoo', OU: 'Apes', CN: 'x' }) : name({ CN: 'x' })
    t.equal(await below({ permitted: [base] }, [within], subject), 'valid', `${title}: permitted, within`)
    t.equal(
      await below({ permitted: [base] }, [outside], subject),
      'constraint_violated',
      `${title}: permitted, outside`,
    )
    const elsewhere = name({ O: 'Elsewhere', CN: 'x' })
    t.equal(
      await below({ excluded: [base] }, [within], elsewhere),
      'constraint_violated',
      `${title}: excluded, within`,
    )
    t.equal(await below({ excluded: [base] }, [outside], elsewhere), 'valid', `${title}: excluded, outside`)
  }
})

test('names of other forms than the constraint are not judged by it, several of its form all are', async (t) => {
  t.equal(await below({ permitted: [{ dns: 'example.com' }] }, [{ email: 'a@other.example' }]), 'valid')
  t.equal(await below({ permitted: [{ dns: 'example.com' }] }, []), 'valid', 'none of the form')
  const both = [{ dns: 'a.example.com' }, { dns: 'other.example' }]
  t.equal(await below({ permitted: [{ dns: 'example.com' }] }, both), 'constraint_violated')
  t.equal(await below({ permitted: [{ dns: 'example.com' }, { dns: 'other.example' }] }, both), 'valid')
  const punched = { permitted: [{ dns: 'example.com' }], excluded: [{ dns: 'secret.example.com' }] }
  t.equal(await below(punched, [{ dns: 'a.example.com' }]), 'valid')
  t.equal(await below(punched, [{ dns: 'a.secret.example.com' }]), 'constraint_violated')
})

test("the subject's own e-mail address is judged, with alternative names beside it too", async (t) => {
  const subject = [...name({ CN: 'x' }), { type: 'emailAddress', value: 'a@other.example' }]
  const constraint = { permitted: [{ email: 'example.com' }] }
  t.equal(await below(constraint, [], subject), 'constraint_violated')
  t.equal(await below(constraint, [{ email: 'a@example.com' }], subject), 'constraint_violated')
  t.equal(await below({ excluded: [{ email: 'example.com' }] }, [], subject), 'valid')
})

test('what cannot be compared is in no permitted subtree, and not known to be out of an excluded one', async (t) => {
  for (const uri of ['urn:x:y', 'https://10.0.0.1/', 'https://[::1]/', 'mailto:a@example.com']) {
    t.equal(await below({ permitted: [{ uri: '.example.com' }] }, [{ uri }]), 'constraint_violated', uri)
    t.equal(await below({ excluded: [{ uri: '.example.com' }] }, [{ uri }]), 'constraint_violated', uri)
  }
  const other = { other: { type: '1.2.3.4', value: Uint8Array.of(5, 0) } }
  t.equal(await below({ excluded: [other] }, [other]), 'constraint_violated', 'a form that is not handled')
  const another = { other: { type: '1.2.3.5', value: Uint8Array.of(5, 0) } }
  t.equal(await below({ excluded: [other] }, [another]), 'valid', 'another type of otherName')
})

test('a name that can be read in more than one way is judged as unreadable', async (t) => {
  const rows: readonly (readonly [GeneralNameOptions, readonly GeneralNameOptions[]])[] = [
    [
      { dns: 'example.com' },
      [
        'a..example.com',
        'a.example.com.',
        '.example.com',
        ' .example.com',
        `${'a.'.repeat(130)}example.com`,
      ].map((dns) => ({ dns })),
    ],
    [
      { email: 'example.com' },
      ['example.com', '@example.com', 'a@', 'a@b@example.com', 'a b@example.com', '"a@example.com'].map(
        (email) => ({ email }),
      ),
    ],
    [
      { uri: 'example.com' },
      [
        'https://other.example\\@example.com/',
        'https://example.com /',
        'https://%65xample.com/',
        'https://example.com./',
        'https://',
        '//example.com/',
      ].map((uri) => ({ uri })),
    ],
    [{ upn: 'example.com' }, [{ upn: 'example.com' }]],
  ]
  for (const [base, names] of rows) {
    for (const one of names) {
      t.equal(await below({ permitted: [base] }, [one]), 'constraint_violated', JSON.stringify(one))
      t.equal(await below({ excluded: [base] }, [one]), 'constraint_violated', JSON.stringify(one))
    }
  }
  const odd = [{ email: '"a@b"@example.com' }, { email: '*@example.com' }, { email: "o'neil+x@example.com" }]
  for (const email of odd) t.equal(await below({ permitted: [{ email: 'example.com' }] }, [email]), 'valid')
  for (const dns of ['*.example.com', '_x.example.com', 'xn--bcher-kva.example.com']) {
    t.equal(await below({ permitted: [{ dns: 'example.com' }] }, [{ dns }]), 'valid', dns)
  }
})

test('a constraint that cannot be read permits nothing and excludes everything of its form', async (t) => {
  const rows: readonly (readonly [bad: GeneralNameOptions, name: GeneralNameOptions])[] = [
    [{ dns: '*.example.com' }, { dns: 'a.example.com' }],
    [{ dns: 'example.com.' }, { dns: 'a.example.com' }],
    [{ email: 'a@b@example.com' }, { email: 'a@example.com' }],
    [{ email: '@example.com' }, { email: 'a@example.com' }],
    [{ uri: 'https://example.com' }, { uri: 'https://example.com' }],
  ]
  const sound: GeneralNameOptions[] = [
    { dns: 'example.com' },
    { email: 'example.com' },
    { uri: 'example.com' },
  ]
  for (const [bad, good] of rows) {
    t.equal(await below({ permitted: [bad] }, [good]), 'constraint_violated', JSON.stringify(bad))
    t.equal(await below({ excluded: [bad] }, [good]), 'constraint_violated', JSON.stringify(bad))
    t.equal(await below({ excluded: [bad] }, []), 'valid', 'no name of that form')
    t.equal(await below({ permitted: [bad, ...sound] }, [good]), 'valid', 'one that can be read permits it')
  }
})

test('an empty constraint holds every name of its form', async (t) => {
  const rows: readonly (readonly [GeneralNameOptions, GeneralNameOptions])[] = [
    [{ dns: '' }, { dns: 'a.example.com' }],
    [{ email: '' }, { email: 'a@example.com' }],
    [{ upn: '' }, { upn: 'a@example.com' }],
  ]
  for (const [all, one] of rows) {
    t.equal(await below({ permitted: [all] }, [one]), 'valid')
    t.equal(await below({ excluded: [all] }, [one]), 'constraint_violated')
  }
  t.equal(await below({ permitted: [{ directory: [] }] }, []), 'valid')
  t.equal(await below({ excluded: [{ directory: [] }] }, []), 'constraint_violated', 'the subject itself')
})

test('names times constraints of their form are counted up to 2^20, and refused beyond', async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_none, at) => ({ dns: `t${at}.x` }))
  t.equal(await below({ permitted: many(1024) }, many(1024)), 'valid')
  t.equal(await below({ permitted: many(1025) }, many(1024)), 'constraint_violated')
  const mixed = { permitted: [...many(600), { email: 'x' }], excluded: [{ uri: 'x' }] }
  t.equal(await below(mixed, many(600)), 'valid', 'of another form, they are not counted')
})

test('constraints hold for every certificate below, not for a self-issued intermediate, and add up', async (t) => {
  const permit = (dns: string) => nameConstraints({ permitted: [{ dns }] })
  const anchor = await makeCa('Anchor', { extensions: [permit('example.com')] })
  const names = (dns: string) => ({ subject: name({ CN: 'x' }), extensions: [subjectAltName([{ dns }])] })
  t.equal(await verdict(await makeUser(anchor, names('a.example.com')), [], anchor), 'valid')
  t.equal(
    await verdict(await makeUser(anchor, names('a.other.example')), [], anchor),
    'constraint_violated',
    'RFC 5937',
  )
  const sub = await makeCa('Sub', { issuer: anchor, extensions: [permit('a.example.com')] })
  t.equal(await verdict(await makeUser(sub, names('x.a.example.com')), [sub], anchor), 'valid')
  t.equal(await verdict(await makeUser(sub, names('b.example.com')), [sub], anchor), 'constraint_violated')
  const wider = await makeCa('Wider', { issuer: anchor, extensions: [permit('other.example')] })
  t.equal(
    await verdict(await makeUser(wider, names('other.example')), [wider], anchor),
    'constraint_violated',
  )
  const misnamed = { extensions: [subjectAltName([{ dns: 'other.example' }])] }
  const intermediate = await makeCa('Named', { issuer: anchor, ...misnamed })
  t.equal(
    await verdict(await makeUser(intermediate, names('a.example.com')), [intermediate], anchor),
    'constraint_violated',
  )
  const rollover = await makeCa('Anchor', { issuer: anchor, ...misnamed })
  t.equal(await verdict(await makeUser(rollover, names('a.example.com')), [rollover], anchor), 'valid')
  t.equal(
    await verdict(await makeUser(rollover, names('a.other.example')), [rollover], anchor),
    'constraint_violated',
  )
})

test('constraints that say nothing sound make no authority', async (t) => {
  const empty = await makeCa('Sub', { issuer: ca, extensions: [nameConstraints({})] })
  t.equal(await verdict(await makeUser(empty), [empty]), 'chain_untrusted')
  const holes = ip(10, 0, 0, 0, 255, 0, 255, 0)
  t.equal(await below({ permitted: [holes] }, []), 'chain_untrusted', 'a mask with holes')
  t.equal(await below({ permitted: [ip(10, 0, 0, 1)] }, []), 'chain_untrusted', 'no mask')
})
