// Vectors written from the vendors' documents, and malformed twins of each.
import { createHash } from 'node:crypto'
import { test } from 'tap'
import type { ProxyForm } from '../../src/config/config.js'
import { Refusal } from '../../src/core/refusals.js'
import { certificateForm } from '../../src/intake/certificate-forms.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { makeCa, makeUser } from '../support/certificates.js'

const ca = await makeCa('Forms CA')
const middle = await makeCa('Forms Intermediate', { issuer: ca })
const leaf = await makeUser(middle)
const other = await makeUser(ca, { commonName: 'other' })

const base64 = ({ der }: IssuedCertificate) => Buffer.from(der).toString('base64')
const escaped = ({ pem }: IssuedCertificate) => encodeURIComponent(pem)
/** As AWS and Apache write it: `+`, `/` and `=` stay as they are. */
const loosely = (certificate: IssuedCertificate) =>
  escaped(certificate).replaceAll('%2B', '+').replaceAll('%2F', '/').replaceAll('%3D', '=')
const spaced = ({ pem }: IssuedCertificate) => pem.replaceAll('\n', ' ')
const hash = ({ der }: IssuedCertificate) => createHash('sha256').update(der).digest('hex')

/** `leaf`, `leaf+middle`, …, or the code of the refusal. */
function read(
  form: ProxyForm,
  value: string,
  chain: readonly string[] = [],
  certificateBytes = 16_384,
): string {
  const decoded = certificateForm(form, certificateBytes).decode(value, chain)
  if (decoded instanceof Refusal) return decoded.code
  const known = new Map(
    [leaf, middle, ca, other].map((certificate, at) => [
      base64(certificate),
      ['leaf', 'middle', 'ca', 'other'][at],
    ]),
  )
  return [decoded.leaf, ...decoded.chain]
    .map((der) => known.get(Buffer.from(der).toString('base64')) ?? 'unknown')
    .join('+')
}

const malformed = 'certificate_malformed'

type Vector = readonly [expected: string, what: string, value: string, chain?: readonly string[]]

const envoy = (...pairs: string[]) => pairs.join(';')

const vectors: Readonly<Record<Exclude<ProxyForm, 'nginx'>, readonly Vector[]>> = {
  rfc9440: [
    ['leaf', 'alone', `:${base64(leaf)}:`],
    ['leaf+middle+ca', 'with its chain', `:${base64(leaf)}:`, [`:${base64(middle)}:, :${base64(ca)}:`]],
    [
      'leaf+middle+ca',
      'the chain over two lines',
      `:${base64(leaf)}:`,
      [`:${base64(middle)}:`, `:${base64(ca)}:`],
    ],
    [malformed, 'two in the leaf’s place', `:${base64(leaf)}:, :${base64(other)}:`],
    [malformed, 'without colons', base64(leaf)],
    [malformed, 'with a parameter', `:${base64(leaf)}:;a=1`],
    [malformed, 'blanks without end', `:${base64(leaf)}:`, [`${' '.repeat(60_000)}x`]],
    [malformed, 'a chain with an empty member', `:${base64(leaf)}:`, [`:${base64(middle)}:,`]],
    [malformed, 'padding that does not belong there', `:${base64(leaf)}=:`],
    [malformed, 'nothing between the colons', '::'],
  ],
  envoy: [
    ['leaf', 'Cert', `Cert="${escaped(leaf)}"`],
    [
      'leaf',
      'beside other pairs',
      envoy(
        'By=spiffe://x',
        `Hash=${hash(leaf)}`,
        `Cert="${escaped(leaf)}"`,
        'Subject="CN=a,O=\\"b\\""',
        'URI=',
      ),
    ],
    [
      'leaf+middle',
      'Cert and Chain',
      envoy(`Cert="${escaped(leaf)}"`, `Chain="${escaped(leaf)}${escaped(middle)}"`),
    ],
    ['leaf+middle', 'Chain alone', `Chain="${escaped(leaf)}${escaped(middle)}"`],
    ['leaf', 'keys in any case', `CERT="${escaped(leaf)}"`],
    [
      'leaf',
      'the last element, which the proxy appended',
      `Cert="${escaped(other)}",Cert="${escaped(leaf)}"`,
    ],
    [
      malformed,
      'the proxy’s own element without one: what a client wrote before it does not count',
      `Cert="${escaped(leaf)}",By=x;Hash=${hash(leaf)}`,
    ],
    [
      malformed,
      'a quote that a client left open, to swallow what the proxy appends',
      `Cert="${escaped(other)}";X=",Hash=${hash(leaf)};Cert="${escaped(leaf)}"`,
    ],
    [
      malformed,
      'a backslash that a client left behind',
      `Cert="${escaped(other)}";X="\\,Hash=${hash(leaf)};Cert="${escaped(leaf)}"`,
    ],
    ['leaf', 'a subject that ends in a backslash', `Cert="${escaped(leaf)}";Subject="CN=a\\\\"`],
    [
      'leaf',
      'a subject that would like to be a pair',
      `Cert="${escaped(leaf)}";Subject="CN=\\";Cert=\\"${escaped(other)}"`,
    ],
    [
      'middle+leaf',
      'an authority in the leaf’s place stays there',
      `Chain="${escaped(middle)}${escaped(leaf)}"`,
    ],
    [malformed, 'an empty element at the end', `Cert="${escaped(leaf)}",`],
    [malformed, 'blanks without end before a quote', `A=${' '.repeat(60_000)}"`],
    [malformed, 'a quote that a client left open', `Subject="a,Cert="${escaped(leaf)}"`],
    [malformed, 'Cert twice', envoy(`Cert="${escaped(leaf)}"`, `Cert="${escaped(other)}"`)],
    [
      malformed,
      'a Chain that begins with another',
      envoy(`Cert="${escaped(leaf)}"`, `Chain="${escaped(middle)}"`),
    ],
    [malformed, 'a Hash of another', envoy(`Hash=${hash(other)}`, `Cert="${escaped(leaf)}"`)],
    [malformed, 'two certificates in Cert', `Cert="${escaped(leaf)}${escaped(other)}"`],
    [malformed, 'a pair without a value', 'Cert'],
  ],
  traefik: [
    ['leaf', 'alone', base64(leaf)],
    ['leaf+middle', 'with its chain', `${base64(leaf)},${base64(middle)}`],
    ['leaf', 'escaped, as before 2.9.4', encodeURIComponent(base64(leaf))],
    ['leaf+middle', 'escaped, comma and all', encodeURIComponent(`${base64(leaf)},${base64(middle)}`)],
    ['middle+leaf', 'an authority in the leaf’s place stays there', `${base64(middle)},${base64(leaf)}`],
    [
      'leaf+other',
      'another’s certificate behind the leaf is not the leaf',
      `${base64(leaf)},${base64(other)}`,
    ],
    [malformed, 'with markers', escaped(leaf)],
    [malformed, 'an empty member', `${base64(leaf)},`],
    [malformed, 'a bad escape', `${base64(leaf)}%zz`],
    [malformed, 'a blank in place of a plus', `${base64(leaf).slice(0, 40)} ${base64(leaf).slice(41)}`],
  ],
  'aws-alb': [
    ['leaf', 'verify mode', loosely(leaf)],
    ['leaf+middle+ca', 'passthrough mode', `${loosely(leaf)}${loosely(middle)}${loosely(ca)}`],
    ['middle+leaf', 'an authority in the leaf’s place stays there', `${loosely(middle)}${loosely(leaf)}`],
    [malformed, 'words before it', `x${loosely(leaf)}`],
    [malformed, 'words between', `${loosely(leaf)}x${loosely(middle)}`],
    [malformed, 'form decoding: a blank for a plus', loosely(leaf).replace('MII', 'MI ')],
    [malformed, 'a key in it', encodeURIComponent(leaf.privateKeyPem)],
    [malformed, 'cut off', loosely(leaf).slice(0, -20)],
  ],
  cloudflare: [
    ['leaf', 'alone', base64(leaf)],
    [malformed, 'two', `${base64(leaf)},${base64(other)}`],
    [malformed, 'PEM', escaped(leaf)],
  ],
  azure: [
    ['leaf', 'as nginx writes it', escaped(leaf)],
    [malformed, 'two', `${escaped(leaf)}${escaped(other)}`],
    [malformed, 'base64 alone', base64(leaf)],
  ],
  haproxy: [
    ['leaf', 'alone', base64(leaf)],
    ['leaf', 'in quotes', `"${base64(leaf)}"`],
    [
      'leaf+middle+ca',
      'with its chain',
      base64(leaf),
      [Buffer.concat([middle.der, ca.der]).toString('base64')],
    ],
    ['leaf+middle', 'with its chain in quotes', base64(leaf), [`"${base64(middle)}"`]],
    [malformed, 'two headers of chains', base64(leaf), [base64(middle), base64(ca)]],
    [
      malformed,
      'a chain that is cut off',
      base64(leaf),
      [Buffer.from(middle.der.slice(0, -1)).toString('base64')],
    ],
    [malformed, 'one quote', `"${base64(leaf)}`],
    [
      'unknown',
      'two in the leaf’s place are one that is no certificate',
      Buffer.concat([leaf.der, other.der]).toString('base64'),
    ],
  ],
  apache: [
    ['leaf', 'escaped', loosely(leaf)],
    ['leaf', 'spaces for line ends', spaced(leaf)],
    ['leaf+middle+ca', 'with its chain', loosely(leaf), [`${loosely(middle)}${loosely(ca)}`]],
    ['leaf+middle', 'with its chain, spaces', spaced(leaf), [spaced(middle)]],
    [malformed, 'two', `${loosely(leaf)}${loosely(other)}`],
    [malformed, 'two chains', loosely(leaf), [loosely(middle), loosely(ca)]],
    [malformed, 'a tab within the base64', spaced(leaf).replace(/ (?=[A-Za-z0-9])(?!CERT)/, '\t')],
  ],
}

for (const [form, cases] of Object.entries(vectors) as [ProxyForm, readonly Vector[]][]) {
  test(`${form}: reads what its proxy writes, and nothing like it`, async (t) => {
    for (const [expected, what, value, chain] of cases) t.equal(read(form, value, chain), expected, what)
    t.equal(read(form, ''), malformed, 'nothing')
    t.equal(read(form, 'A'.repeat(4_000_000)), malformed, 'far too much')
    t.equal(read(form, cases[0]?.[2] ?? '', [], 300), malformed, 'more than certificateBytes')
  })
}

test('no form accepts more intermediates than any chain has', async (t) => {
  const many = Array.from({ length: 20 }, () => middle)
  t.equal(
    read(
      'rfc9440',
      `:${base64(leaf)}:`,
      many.map((one) => `:${base64(one)}:`),
    ),
    malformed,
  )
  t.equal(read('traefik', [leaf, ...many].map(base64).join(',')), malformed)
  t.equal(read('aws-alb', [leaf, ...many].map(loosely).join('')), malformed)
  t.equal(
    read('haproxy', base64(leaf), [Buffer.concat(many.map(({ der }) => der)).toString('base64')]),
    malformed,
  )
  t.equal(read('apache', loosely(leaf), [many.map(loosely).join('')]), malformed)
})
