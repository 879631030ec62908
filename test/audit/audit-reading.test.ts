import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { openAuditLog } from '../../src/audit/audit-log.js'
import { type AuditEvent, serializeEvent } from '../../src/audit/event.js'
import { sealLine } from '../../src/audit/hash-chain.js'
import { type AuditFilters, showAudit } from '../../src/audit/show.js'
import { flawTexts, verifyAuditFiles } from '../../src/audit/verify.js'

const start = Date.UTC(2026, 10, 25, 12)

const full: AuditEvent = {
  event: 'request',
  requestId: 'k1ajcs4wn3ya8gdt5obtfcy9hw',
  decision: 'allow',
  reason: 'signed_in',
  peer: 'unix',
  clientIp: '198.51.100.7',
  method: 'GET',
  path: '/api/v4/users/me',
  certificate: {
    serial: '01AB',
    sha256: 'c0ffee'.padEnd(64, '0'),
    subject: 'emailAddress=mmuser@mattermost.com,CN=mmuser',
    issuer: 'CN=example.mattermost.com',
    notAfter: '2027-11-25T12:00:00.000Z',
    trust: 'staff',
  },
  identity: { email: 'mmuser@mattermost.com', rule: 'subject.email' },
  user: { id: 'tsr1x1ht4bnojqkxqr4tisa1hc', username: 'mmuser' },
  session: { driver: 'access-token', id: 's1' },
  websocket: { code: 1000, durationMs: 5, bytesIn: 6, bytesOut: 7 },
}

const stamp = { timeMs: start, seq: 1, prev: null }

/** Everything that moves a cursor, ends a line, hides or turns text around. */
const dangerous = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u

async function written(t: Test, events: readonly AuditEvent[], chain = true): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mattergate-audit-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'audit.jsonl')
  // The first look at the clock is for opening.
  let now = start - 1_000
  const log = await openAuditLog({ file, chain, clock: { now: () => (now += 1_000) } })
  await Promise.all(events.map((event) => log.write(event)))
  await log.close()
  return file
}

async function shown(
  file: string,
  filters: AuditFilters,
  format: 'text' | 'json' = 'json',
): Promise<string[]> {
  const lines: string[] = []
  for await (const line of showAudit([file], filters, format)) lines.push(line)
  return lines
}

test('fields stand in the order of the interface, without blanks, and absent ones are left out', (t) => {
  t.equal(
    serializeEvent(full, { ...stamp, prev: 'ab' }),
    '{"time":"2026-11-25T12:00:00.000Z","seq":1,"event":"request","requestId":"k1ajcs4wn3ya8gdt5obtfcy9hw","decision":"allow","reason":"signed_in","peer":"unix","clientIp":"198.51.100.7","method":"GET","path":"/api/v4/users/me","certificate":{"serial":"01AB","sha256":"c0ffee0000000000000000000000000000000000000000000000000000000000","subject":"emailAddress=mmuser@mattermost.com,CN=mmuser","issuer":"CN=example.mattermost.com","notAfter":"2027-11-25T12:00:00.000Z","trust":"staff"},"identity":{"email":"mmuser@mattermost.com","rule":"subject.email"},"user":{"id":"tsr1x1ht4bnojqkxqr4tisa1hc","username":"mmuser"},"session":{"driver":"access-token","id":"s1"},"websocket":{"code":1000,"durationMs":5,"bytesIn":6,"bytesOut":7},"prev":"ab"}',
  )
  t.equal(
    serializeEvent({ event: 'start' }, stamp),
    '{"time":"2026-11-25T12:00:00.000Z","seq":1,"event":"start"}',
  )
  t.end()
})

test('a name or a path cannot break a line, move a cursor or turn text around', async (t) => {
  const hostile = 'x\r\n{"event":"start"}\x1b[2J\x7f\x9b\u2028\u2029\u202e\u2066\u200f\u061c\ud800\u0000y'
  const event = { ...full, path: `/${hostile}`, user: { id: hostile, username: hostile } }
  const line = serializeEvent(event, stamp)
  t.notMatch(line, dangerous)
  t.match(JSON.parse(line), { path: `/${hostile}`, user: { username: hostile } })
  const file = await written(t, [event])
  t.equal(readFileSync(file, 'utf8').split('\n').length, 2)
  for (const format of ['text', 'json'] as const) {
    const lines = await shown(file, {}, format)
    t.equal(lines.length, 1)
    t.notMatch(lines[0], dangerous)
  }
})

test('whatever the strings hold, an event is one safe line that parses back', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 60 })
  fc.assert(
    fc.property(text, text, (subject, path) => {
      const certificate = {
        ...full.certificate,
        serial: '',
        sha256: '',
        issuer: '',
        notAfter: '',
        trust: '',
        subject,
      }
      const line = serializeEvent({ event: 'refuse', path, certificate }, stamp)
      const parsed = JSON.parse(line) as { path: string; certificate: { subject: string } }
      return !dangerous.test(line) && parsed.certificate.subject === subject && path.startsWith(parsed.path)
    }),
  )
  t.pass()
  t.end()
})

test('a query is never written, and overlong strings are cut and marked', (t) => {
  const event = {
    ...full,
    path: `/${'p'.repeat(3_000)}?access_token=secret`,
    certificate: { ...full.certificate, subject: 's'.repeat(2_000) } as NonNullable<
      AuditEvent['certificate']
    >,
    user: { id: 'u'.repeat(300), username: 'mmuser' },
  }
  const parsed = JSON.parse(serializeEvent(event, stamp)) as typeof event
  t.equal(parsed.path, `/${'p'.repeat(2_047)}…+953`)
  t.equal(parsed.certificate.subject, `${'s'.repeat(1_024)}…+976`)
  t.equal(parsed.user.id, `${'u'.repeat(256)}…+44`)
  t.end()
})

test('a change of any single line is found at that line', async (t) => {
  const file = await written(
    t,
    Array.from({ length: 9 }, () => full),
  )
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  const verdict = async (changed: readonly string[], end = '\n') => {
    writeFileSync(file, changed.join('\n') + end)
    return verifyAuditFiles([file])
  }
  const wrong = (line: number, reason: keyof typeof flawTexts) => ({ ok: false, file, line, reason })
  const put = (index: number, ...inserted: string[]) => lines.toSpliced(index, 1, ...inserted)
  t.match(await verdict(lines), { ok: true, events: 9 })
  for (const [index, line] of lines.entries()) {
    const at = index + 1
    t.same(await verdict(put(index, line.replace('GET', 'PUT'))), wrong(at, 'altered'), 'one field')
    t.same(
      await verdict(put(index, line.replace('"hash":"', '"hash":"0').replace(/.("\})$/, '$1'))),
      wrong(at, 'altered'),
      'its hash',
    )
    t.same(await verdict(put(index, line.replace('{', '{ '))), wrong(at, 'altered'), 'a blank')
    t.same(await verdict(put(index, `${line}\r`)), wrong(at, 'unchained'), 'a carriage return')
    t.same(await verdict(put(index, line.replace(/,"hash".*"\}/, '}'))), wrong(at, 'unchained'), 'no hash')
    t.same(await verdict(put(index, 'nonsense')), wrong(at, 'unreadable'), 'no event')
    t.same(await verdict(put(index, line, '')), wrong(at + 1, 'unreadable'), 'an empty line')
    t.same(await verdict(put(index, line, line)), wrong(at + 1, 'out_of_chain'), 'doubled')
    if (index === lines.length - 1) continue
    const forged = sealLine(line.replace('GET', 'PUT').replace(/,"hash".*"\}/, '}')).line
    t.same(await verdict(put(index, forged)), wrong(at + 1, 'out_of_chain'), 'changed with its hash')
    if (index > 0) t.same(await verdict(put(index)), wrong(at, 'out_of_chain'), 'removed')
    const swapped = lines.toSpliced(index, 2, lines[index + 1] ?? '', line)
    t.same(await verdict(swapped), wrong(index === 0 ? 2 : at, 'out_of_chain'), 'moved')
  }
  t.same(await verdict(lines, ''), wrong(9, 'torn'))
  t.same(await verdict([...lines, 'x'.repeat(200_000)]), wrong(10, 'torn'))
  const jumps = sealLine((lines[8] ?? '').replace('"seq":9', '"seq":10').replace(/,"hash".*"\}/, '}')).line
  t.same(await verdict(put(8, jumps)), wrong(9, 'out_of_sequence'))
})

test('verify reads files larger than its buffer, an empty one, and says which one it cannot read', async (t) => {
  const long = { ...full, path: `/${'\u202e'.repeat(2_000)}` }
  const file = await written(
    t,
    Array.from({ length: 200 }, () => long),
  )
  t.match(await verifyAuditFiles([file]), { ok: true, events: 200 })
  writeFileSync(`${file}.empty`, '')
  t.same(await verifyAuditFiles([`${file}.empty`]), { ok: true, events: 0, headHash: null })
  await t.rejects(verifyAuditFiles([`${file}.missing`]), { code: 'ERR_AUDIT_IO' })
})

test('show filters by each field and keeps the order', async (t) => {
  const file = await written(t, [
    { event: 'start' },
    full,
    { event: 'refuse', decision: 'refuse', reason: 'certificate_expired', path: '/', requestId: 'r2' },
  ])
  const seqs = async (filters: AuditFilters) =>
    (await shown(file, filters)).map((line) => (JSON.parse(line) as { seq: number }).seq)
  t.same(await seqs({}), [1, 2, 3])
  t.same(await seqs({ user: 'MMUser' }), [2])
  t.same(await seqs({ user: 'mmuser@mattermost.com' }), [2])
  t.same(await seqs({ user: 'tsr1x1ht4bnojqkxqr4tisa1hc' }), [2])
  t.same(await seqs({ user: '' }), [])
  t.same(await seqs({ event: 'start' }), [1])
  t.same(await seqs({ decision: 'refuse' }), [3])
  t.same(await seqs({ reason: 'certificate_expired' }), [3])
  t.same(await seqs({ requestId: 'r2' }), [3])
  t.same(await seqs({ certificate: '1:ab' }), [2])
  t.same(await seqs({ certificate: 'C0FFEE'.padEnd(64, '0') }), [2])
  t.same(await seqs({ certificate: '' }), [])
  t.same(await seqs({ since: start + 2_000 }), [2, 3])
  t.same(await seqs({ until: start + 2_000 }), [1])
  t.same(await seqs({ decision: 'allow', reason: 'certificate_expired' }), [])
})

test('show prints a line a person can read, and tells of lines that are no events', async (t) => {
  const file = await written(t, [full])
  writeFileSync(file, `${readFileSync(file, 'utf8')}\x1b[2Jnonsense\n`)
  const [line, bad] = await shown(file, {}, 'text')
  t.match(line, /^2026-11-25T12:00:01\.000Z #1 request allow signed_in GET \/api\/v4\/users\/me user=mmuser /)
  t.equal(bad, `${file}:2: this line is not an audit event`)
  t.same(JSON.parse((await shown(file, {}))[1] ?? ''), { unreadable: { file, line: 2 } })
  await t.rejects(shown(`${file}.missing`, {}), { code: 'ERR_AUDIT_IO' })
})
