import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { nginxForm } from '../../src/intake/nginx-form.js'
import { makeCa, makeUser } from '../support/certificates.js'

const form = nginxForm(16_384)

async function userPem(): Promise<{ pem: string; der: Uint8Array }> {
  return makeUser(await makeCa('Test CA'))
}

function isMalformed(value: string): boolean {
  const decoded = form.decode(value, [])
  return decoded instanceof Refusal && decoded.code === 'certificate_malformed'
}

test("nginx's escaped PEM gives the DER of the leaf", async (t) => {
  const { pem, der } = await userPem()
  const spellings = [
    encodeURIComponent(pem),
    encodeURIComponent(pem.trim()),
    encodeURIComponent(pem.replaceAll('\n', '\r\n')),
    // Envoy and AWS leave these literal; form decoding would turn a plus into a space.
    encodeURIComponent(pem).replaceAll('%2B', '+').replaceAll('%2F', '/').replaceAll('%3D', '='),
  ]
  for (const value of spellings) {
    const decoded = form.decode(value, [])
    if (decoded instanceof Refusal) return t.fail(decoded.code)
    t.strictSame(Buffer.from(decoded.leaf), Buffer.from(der))
    t.strictSame(decoded.chain, [])
  }
})

test('anything else is malformed', async (t) => {
  const { pem } = await userPem()
  const escaped = encodeURIComponent(pem)
  const wrong: Record<string, string> = {
    empty: '',
    'not a PEM': 'hello',
    'a second block': encodeURIComponent(pem + pem),
    'another block': encodeURIComponent(pem.replaceAll('CERTIFICATE', 'PUBLIC KEY')),
    'text before': encodeURIComponent(`subject=x\n${pem}`),
    'text behind': encodeURIComponent(`${pem}x`),
    'a bad escape': `${escaped}%zz`,
    'an escape cut short': escaped.slice(0, -1),
    'a comma and another': `${escaped}, ${escaped}`,
    'no line end behind BEGIN': encodeURIComponent(
      pem.replace('-----BEGIN CERTIFICATE-----\n', '-----BEGIN CERTIFICATE-----'),
    ),
    'a space in the base64': encodeURIComponent(pem.replace(/^(M.{20})/m, '$1 ')),
    'a NUL in the base64': encodeURIComponent(pem.replace(/^(M.{20})/m, '$1\0')),
    'padding in the middle': encodeURIComponent(pem.replace(/^(M.{20})/m, '$1=')),
    'bits behind the padding': encodeURIComponent(
      '-----BEGIN CERTIFICATE-----\nMB==\n-----END CERTIFICATE-----\n',
    ),
    'base64 cut short': encodeURIComponent('-----BEGIN CERTIFICATE-----\nMIIBc\n-----END CERTIFICATE-----\n'),
    'an empty block': encodeURIComponent('-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n'),
    'form decoding': escaped.replaceAll('%2B', '%20'),
    'escaped twice': encodeURIComponent(escaped),
  }
  for (const [name, value] of Object.entries(wrong)) {
    if (value !== escaped) t.ok(isMalformed(value), name)
  }
})

test('a certificate larger than the bound is refused, before it is decoded where it is far larger', (t) => {
  const block = (bytes: number) =>
    encodeURIComponent(
      `-----BEGIN CERTIFICATE-----\n${Buffer.alloc(bytes, 0x30).toString('base64')}\n-----END CERTIFICATE-----\n`,
    )
  t.notOk(isMalformed(block(16_384)))
  t.ok(isMalformed(block(16_385)))
  t.ok(isMalformed('%'.repeat(1_000_000)))
  t.end()
})

test('the guide’s own snippet is recognised, and the one word to change is named', async (t) => {
  const { pem } = await userPem()
  for (const joint of [' ', '\t']) {
    const decoded = form.decode(pem.trim().replaceAll('\n', joint), [])
    if (!(decoded instanceof Refusal)) return t.fail('accepted')
    t.match(decoded.detail, '$ssl_client_escaped_cert')
    t.match(decoded.detail, 'listen.multilineHeader')
    t.match(decoded.remedy, '$ssl_client_escaped_cert')
  }
})
