import fc from 'fast-check'
import { test } from 'tap'
import { MultilineMender } from '../../src/server/multiline-mender.js'
import {
  chunked,
  escaped,
  lengthy,
  multiline,
  options,
  pem,
  refused,
  withCertificate,
} from './multiline-vectors.js'

function mendAll(chunks: readonly (string | Buffer)[], mender = new MultilineMender(options)): string {
  return chunks
    .map((chunk) => mender.mend(Buffer.from(chunk as string, 'latin1')).toString('latin1'))
    .join('')
}

/** Each way to cut the text in two. */
function splits(text: string): [string, string][] {
  return Array.from(text, (_, at) => [text.slice(0, at), text.slice(at)])
}

test('a certificate over several lines becomes exactly what nginx escapes, cut at any byte', (t) => {
  const wanted = withCertificate(escaped)
  for (const parts of splits(withCertificate(multiline))) {
    if (mendAll(parts) !== wanted) t.fail(`cut after ${parts[0].length} bytes`)
  }
  t.equal(mendAll(Array.from(withCertificate(multiline))), wanted, 'byte by byte')
  t.end()
})

test('pipelined requests with every kind of body are mended in their heads only, cut at any byte', (t) => {
  const requests = (cert: string) =>
    [withCertificate(cert), chunked(cert), '\r\n', lengthy(cert), withCertificate(''), lengthy(cert)].join('')
  const given = requests(multiline)
  const wanted = requests(escaped)
  for (const parts of splits(given)) {
    if (mendAll(parts) !== wanted) t.fail(`cut after ${parts[0].length} bytes`)
  }
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
      const parts: string[] = []
      for (let at = 0, turn = 0; at < given.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1
        parts.push(given.slice(at, at + size))
        at += size
      }
      return mendAll(parts) === wanted
    }),
  )
  t.pass()
  t.end()
})

test('what needs no mending goes out as the very chunk that came in', (t) => {
  const mender = new MultilineMender(options)
  for (const value of [escaped, '', 'nonsense', pem.replaceAll('\n', ' '), '-----BEGIN', '-----BEGIN CERT']) {
    const chunk = Buffer.from(withCertificate(value))
    t.equal(mender.mend(chunk), chunk, value)
    t.equal(mendAll(Array.from(withCertificate(value))), withCertificate(value), value)
  }
  const twin = Buffer.from('GET / HTTP/1.0\r\nX_SSL_Client_Cert: a\r\nX-Other: \xff\t \r\n\r\n', 'latin1')
  t.equal(mender.mend(twin), twin)
  t.equal(mender.loss, null)
  t.end()
})

test('what it does not follow ends in a NUL, whole or cut at any byte, and nothing comes after it', (t) => {
  for (const [name, [request, loss]] of Object.entries(refused)) {
    const mender = new MultilineMender(options)
    const whole = mendAll([request], mender)
    t.equal(mender.loss, loss, name)
    t.equal(whole.at(-1), '\0', name)
    t.equal(mender.mend(Buffer.from(withCertificate(multiline))).length, 0, name)
    if (loss === 'header_too_large') continue
    const same = splits(request).every((parts) => mendAll(parts) === whole)
    t.ok(same, name)
  }
  t.end()
})

test('what comes behind an upgrade request is held until everything passes', (t) => {
  const upgrade = withCertificate(multiline, 'Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n')
  const frames = `\x81\x05hello\n\t${withCertificate(multiline)}`
  for (const parts of splits(upgrade + frames)) {
    const mender = new MultilineMender(options)
    const before = mendAll(parts, mender)
    const held = mender.passEverything().toString('latin1')
    if (before + held !== upgrade.replace(multiline, escaped) + frames) t.fail(`cut after ${parts[0].length}`)
    if (held !== frames) t.fail(`held after ${parts[0].length}`)
  }
  const mender = new MultilineMender(options)
  mender.mend(Buffer.from(upgrade))
  t.equal(mender.full, false)
  t.equal(mender.mend(Buffer.alloc(8_192)).length, 0)
  t.equal(mender.full, true)
  t.equal(mender.passEverything().length, 8_192)
  const frame = Buffer.from('GET\n')
  t.equal(mender.mend(frame), frame)
  const tunnel = new MultilineMender(options)
  tunnel.mend(Buffer.from('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'))
  t.equal(tunnel.mend(Buffer.from('x')).length, 0)
  t.end()
})
