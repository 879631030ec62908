// What `explain` says of paths and of revocation, in words and in JSON, and what it shows while it works.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { progressBar } from '../../src/cli/progress-bar.js'
import { run } from '../../src/cli/run.js'
import { ageInWords } from '../../src/explain/age.js'
import type { Explanation } from '../../src/explain/explain.js'
import { fold } from '../../src/explain/fold.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { cachedKey, makeCa, makeUser, testTimeMs } from '../support/certificates.js'
import { listPem, makeList } from '../support/revocation-list.js'

const dayMs = 86_400_000
const past = { notBefore: new Date(testTimeMs - 20 * dayMs), notAfter: new Date(testTimeMs - 10 * dayMs) }
const pem = (...certificates: readonly IssuedCertificate[]) => certificates.map((one) => one.pem).join('')

interface Ground {
  readonly folder: string
  explain(
    where: string,
    ...words: readonly string[]
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }>
}

/** @param trust the configuration's list of trusts */
async function makeGround(
  t: Test,
  trust: string,
  files: Readonly<Record<string, string>>,
  interactive = false,
): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-explain-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const config = `
listen: { socket: http.sock }
public: { url: https://chat.example.com }
trust: ${trust}
mattermost: { url: http://127.0.0.1:8065, admin: { tokenFile: admin-token } }
sessions: { path: store }
audit: { file: audit.jsonl }
`
  const all = { ...files, 'admin-token': 'x'.repeat(26), 'config.yaml': config }
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text, { mode: 0o600 })
  const explain = async (where: string, ...words: readonly string[]) => {
    let [out, err] = ['', '']
    const options = ['--config', join(folder, 'config.yaml'), '--offline', ...words]
    const code = await run(['explain', join(folder, where), ...options], {
      out: (text) => {
        out += text
      },
      err: (text) => {
        err += text
      },
      interactive,
      environment: {},
    })
    return { code, out, err }
  }
  return { folder, explain }
}

/** The lines of one stage, as they are printed. */
function stageOf(out: string, stage: string): string {
  const lines = out.split('\n')
  const from = lines.findIndex((line) => line.startsWith(stage))
  const length = lines.slice(from + 1).findIndex((line) => !line.startsWith(' '))
  return lines
    .slice(from, from + 1 + length)
    .map((line, at) => (at === 0 ? line : line.slice(23)))
    .join('\n')
}

/**
 * Two anchors that certified one authority each in its own way, both unfit: the one's certificate has
 * expired, the other's lets it issue to no further authority.
 */
async function crossed() {
  const [first, second] = [await makeCa('First'), await makeCa('Second')]
  const key = await cachedKey({ kind: 'ec', curve: 'P-256' }, 3)
  const expired = await makeCa('Cross', { issuer: first, key, ...past })
  const short = await makeCa('Cross', { issuer: second, key, pathLength: 0 })
  const sub = await makeCa('Sub', { issuer: short })
  return { first, second, expired, short, sub, user: await makeUser(sub) }
}

test('a path that was built is shown from the leaf to the anchor', async (t) => {
  const ca = await makeCa('Root')
  const sub = await makeCa('Sub', { issuer: ca })
  const user = await makeUser(sub)
  const ground = await makeGround(t, '[{ name: staff, ca: ca.crt }]', {
    'ca.crt': ca.pem,
    'user.pem': pem(user, sub),
  })
  const { code, out } = await ground.explain('user.pem')
  t.equal(code, 0)
  t.equal(
    stageOf(out, 'path'),
    [
      'path         ok        trust staff',
      'emailAddress=mmuser@mattermost.com,CN=mmuser,',
      '  OU=Smarttotem,O=Mattermost,C=US',
      '<- CN=Sub,O=Mattermost',
      '<- CN=Root,O=Mattermost (anchor)',
    ].join('\n'),
  )
  t.equal(stageOf(out, 'revocation'), 'revocation   ok        not checked (revocation.mode is none)')
  for (const line of out.split('\n')) t.ok(line.length <= 80, line)

  const json = JSON.parse((await ground.explain('user.pem', '--json')).out) as Explanation
  t.match(json, { decision: 'allow', pathsCut: false, searchCut: false, paths: { length: 1 } })
  const asShown = ({ serial, notAfter }: IssuedCertificate, subject: string | RegExp) => ({
    ...{ subject, serial: serial.toUpperCase().replace(/^0+/, ''), notAfter: notAfter.toISOString() },
  })
  t.match(json.paths[0], {
    trust: 'staff',
    certificates: [asShown(user, /CN=mmuser/), asShown(sub, 'CN=Sub,O=Mattermost')],
    anchor: asShown(ca, 'CN=Root,O=Mattermost'),
    refusal: null,
    revocation: [],
  })
})

test('where no path will do, each is shown with its own reason', async (t) => {
  const { first, second, expired, short, sub, user } = await crossed()
  const ground = await makeGround(t, '[{ name: staff, ca: first.crt }, { name: guests, ca: second.crt }]', {
    'first.crt': first.pem,
    'second.crt': second.pem,
    'user.pem': pem(user, sub, expired, short),
    'alone.pem': pem(user),
  })
  const { code, out } = await ground.explain('user.pem')
  t.equal(code, 1)
  const shown = stageOf(out, 'path')
  t.match(shown, /^path +ok +2 paths were tried, and none will do:\n1\. trust staff\n {3}emailAddress=/)
  t.match(
    shown,
    /<- CN=Sub,O=Mattermost\n +<- CN=Cross,O=Mattermost\n +<- CN=First,O=Mattermost \(anchor\)\n +fails: certificate_expired\n +CN=Cross,O=Mattermost was valid until/,
  )
  t.match(shown, /2\. trust guests\n.*<- CN=Second,O=Mattermost \(anchor\)\n +fails: constraint_violated\n/s)
  t.match(out, /^usage +REFUSE/m, 'the one that got furthest decides')
  t.match(JSON.parse((await ground.explain('user.pem', '--json')).out), {
    code: 'constraint_violated',
    paths: [
      {
        trust: 'staff',
        certificates: { length: 3 },
        anchor: { subject: 'CN=First,O=Mattermost' },
        refusal: { code: 'certificate_expired', detail: /CN=Cross,O=Mattermost was valid until/ },
      },
      {
        trust: 'guests',
        certificates: { length: 3 },
        anchor: { subject: 'CN=Second,O=Mattermost' },
        refusal: { code: 'constraint_violated' },
      },
    ],
  })
  const alone = await ground.explain('alone.pem')
  t.match(
    stageOf(alone.out, 'path'),
    /^path +REFUSE +no path from the issuer CN=Sub,O=Mattermost to an anchor\n/,
  )
  t.match(JSON.parse((await ground.explain('alone.pem', '--json')).out), {
    paths: [
      { trust: 'staff', certificates: { length: 1 }, anchor: null, refusal: { code: 'chain_untrusted' } },
      { trust: 'guests', certificates: { length: 1 }, anchor: null, refusal: { code: 'chain_untrusted' } },
    ],
  })
})

test('a search that was cut says so', async (t) => {
  const user = await makeUser(await makeCa('Sub'))
  const namesakes = await Promise.all(Array.from({ length: 130 }, () => makeCa('Sub')))
  const ground = await makeGround(t, '[{ name: staff, ca: ca.crt }]', {
    'ca.crt': pem(...namesakes),
    'user.pem': user.pem,
  })
  const shown = stageOf((await ground.explain('user.pem')).out, 'path')
  t.match(shown, /More than 64 paths were tried, and none will do:\n.*\nThe others are not listed\.\n/s)
  t.match(shown, /The search was cut: there are more ways to go\.$/)
  t.match(JSON.parse((await ground.explain('user.pem', '--json')).out), { pathsCut: true, searchCut: true })
})

test('revocation is told of each certificate that was asked about, with source and age', async (t) => {
  const ca = await makeCa('Root')
  const sub = await makeCa('Sub', { issuer: ca })
  const [user, revoked] = [await makeUser(sub), await makeUser(sub)]
  const list = async (issuer: IssuedCertificate, ageMs: number) =>
    listPem(
      await makeList({
        ...{ issuer, revoked: [{ serial: revoked.serial, reason: 1 }] },
        thisUpdate: new Date(Date.now() - ageMs - 20_000),
        nextUpdate: new Date(Date.now() + dayMs),
      }),
    )
  const trust = '[{ name: staff, ca: ca.crt, revocation: { mode: crl, crl: [ca.crl, sub.crl] } }]'
  const ground = await makeGround(t, trust, {
    'ca.crt': ca.pem,
    'ca.crl': await list(ca, 3 * dayMs),
    'sub.crl': await list(sub, 2 * 3_600_000),
    'user.pem': pem(user, sub),
    'revoked.pem': pem(revoked, sub),
  })
  const good = stageOf((await ground.explain('user.pem')).out, 'revocation')
  t.match(good, /^revocation +ok .*CN=mmuser.*\n {2}good by\s+\/\S+\/sub\.crl\n {2}2 h old, of \d{4}-\S+Z\n/s)
  t.match(good, /\nCN=Sub,O=Mattermost\n {2}good by\s+\/\S+\/ca\.crl\n {2}3 d old, of \d{4}-\S+Z$/)
  t.match(JSON.parse((await ground.explain('user.pem', '--json')).out), {
    stages: { 5: { stage: 'revocation', text: /good by \S+\/sub\.crl of \d{4}-\S+Z, 2 h old; CN=Sub/ } },
    paths: [
      {
        revocation: [
          { status: 'good', source: /sub\.crl$/, thisUpdate: /Z$/, age: '2 h old', detail: null },
          { subject: 'CN=Sub,O=Mattermost', status: 'good', source: /ca\.crl$/, age: '3 d old' },
        ],
      },
    ],
  })
  const bad = await ground.explain('revoked.pem')
  t.equal(bad.code, 1)
  t.match(
    stageOf(bad.out, 'revocation'),
    /REFUSE.*revoked by\s+\S+sub\.crl\n {2}2 h old.*\n {2}revoked \d{4}-.*keyComp/s,
  )
})

test('one leaf in two files is judged with what each file holds', async (t) => {
  const ca = await makeCa('Root')
  const sub = await makeCa('Sub', { issuer: ca })
  const user = await makeUser(sub)
  const files = { 'ca.crt': ca.pem, 'a.pem': pem(user), 'b.pem': pem(user, sub) }
  const ground = await makeGround(t, '[{ name: staff, ca: ca.crt }]', files)
  const { out } = await ground.explain('.')
  t.match(out, /^a\.pem +refuse {2}chain_untrusted: /m)
  t.match(out, /^b\.pem +allow {3}mmuser@mattermost\.com$/m)
})

test('an age is told in the unit that says most', async (t) => {
  const now = testTimeMs
  for (const [ageMs, words] of [
    [0, '0 s old'],
    [59_999, '59 s old'],
    [60_000, '1 min old'],
    [2 * 3_600_000, '2 h old'],
    [47 * 3_600_000, '47 h old'],
    [3.5 * dayMs, '3 d old'],
    [-90_000, '1 min ahead of this clock'],
  ] as const) {
    t.equal(ageInWords(now - ageMs, now), words)
  }
})

test('lines are folded where words allow it, and a terminal obeys nothing in them', async (t) => {
  t.strictSame(fold('  one two three', 10), ['  one two', '    three'])
  t.strictSame(fold('CN=a\\,b,O=c,C=d', 8), ['CN=a\\,b,', '  O=c,', '  C=d'])
  t.strictSame(fold('at /a/very/long/name', 8), ['at', '  /a/very/long/name'])
  t.strictSame(fold('red \u001b[31m\u202e', 40), ['red \\u001b[31m\\u202e'])
  t.strictSame(fold('', 40), [''])
})

test('a folder has a progress bar on a terminal, which goes when the output comes', async (t) => {
  const ca = await makeCa('Root')
  const files = {
    'ca.pem': ca.pem,
    'b\u001b[31m.pem': (await makeUser(ca)).pem,
    'c.pem': 'nothing',
  }
  const trust = '[{ name: staff, ca: ca.pem }]'
  const seen = await (await makeGround(t, trust, files, true)).explain('.')
  t.match(seen.err, /^\r\[\.{30}\] 0\/3\r\[#{10}\.{20}\] 1\/3\r.*\[#{30}\] 3\/3\r {36}\r$/s)
  t.notMatch(seen.out, /\r|\u001b/)
  t.match(seen.out, 'b\\u001b[31m.pem')
  const piped = await makeGround(t, trust, files)
  const text = await piped.explain('.')
  t.equal(text.err, '')
  t.match(text.out, /1 would be let in, 2 would not\n$/)
  t.equal((await piped.explain('.', '--json')).err, '')
})

test('what was drawn is wiped out whole, however long it was', async (t) => {
  let line = ''
  const bar = progressBar({ interactive: true, err: (text) => (line = text) }, 12_345)
  bar.show(12_345)
  const { length } = line
  bar.clear()
  t.equal(line, `\r${' '.repeat(length - 1)}\r`)
})
