import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { run } from '../../src/cli/run.js'
import { makeCa, makeUser } from '../support/certificates.js'
import { startRunning } from '../support/running-gateway.js'

async function mattergate(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run(words, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    interactive: false,
    environment: {},
  })
  return { code, out, err }
}

async function folderWith(t: Test, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-cli-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 })
  return folder
}

const config = `
listen: { socket: http.sock }
public: { url: https://chat.example.com }
trust: [{ name: staff, ca: ca.crt }]
mattermost: { url: http://127.0.0.1:8065, admin: { tokenFile: admin-token } }
sessions: { path: store }
audit: { file: audit.jsonl }
`

test('without words, with wrong words and with --help it says what there is', async (t) => {
  const nothing = await mattergate()
  t.equal(nothing.code, 64)
  t.match(nothing.out, /serve/)
  t.equal((await mattergate('--help')).code, 0)
  t.match((await mattergate('--version')).out, /^\d+\.\d+\.\d+\n$/)
  const unknown = await mattergate('sevre')
  t.equal(unknown.code, 64)
  t.match(unknown.err, "'sevre'")
  for (const command of [
    'serve',
    'check-config',
    'explain',
    'doctor',
    'nginx',
    'schema',
    'audit',
    'identities',
    'demo',
  ]) {
    const help = await mattergate(command, '--help')
    t.equal(help.code, 0, command)
    t.match(help.out, `Usage: mattergate ${command}`)
    const odd = await mattergate(command, '--no-such-option')
    t.equal(odd.code, 64, command)
    t.match(odd.err, `Usage: mattergate ${command}`)
  }
  t.equal((await mattergate('serve')).code, 64)
})

test('check-config says everything at once with its place, and exits 78', async (t) => {
  const ca = await makeCa('Test CA')
  const folder = await folderWith(t, {
    'ca.crt': ca.pem,
    'admin-token': 'x'.repeat(26),
    'good.yaml': config,
    'bad.yaml': `${config}timeouts: { header: 15 }\nlimits: { bodyByte: 1GiB }\n`,
    'bad-ca.yaml': config.replace('ca.crt', 'broken.crt'),
    'broken.crt': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  })
  const good = await mattergate('check-config', '--config', join(folder, 'good.yaml'))
  t.equal(good.code, 0, good.err)
  const bad = await mattergate('check-config', '--config', join(folder, 'bad.yaml'))
  t.equal(bad.code, 78)
  t.match(bad.err, /bad\.yaml:8:\d+: .*timeouts\.header/)
  t.match(bad.err, /bad\.yaml:9:\d+: .*bodyByte/)
  const badCa = await mattergate('check-config', '--config', join(folder, 'bad-ca.yaml'))
  t.equal(badCa.code, 78)
  t.match(badCa.err, /broken\.crt:1:1: /)
  const missing = await mattergate('check-config', '--config', join(folder, 'missing.yaml'))
  t.equal(missing.code, 78)
})

test('explain takes a certificate through the stages and says where it ends', async (t) => {
  const running = await startRunning(t)
  const file = async (name: string, pem: string) => {
    await writeFile(join(running.folder, name), pem)
    return join(running.folder, name)
  }
  const good = await file('good.pem', running.mmuser.pem)
  const allowed = await mattergate('explain', good, '--config', running.configFile)
  t.equal(allowed.code, 0, allowed.err)
  t.match(allowed.out, /^identity +ok +san\.email gives the email mmuser@mattermost\.com$/m)
  t.match(allowed.out, /^account +ok +mmuser \(/m)
  t.match(allowed.out, /^decision +allow$/m)
  const offline = await mattergate('explain', good, '--config', running.configFile, '--offline')
  t.equal(offline.code, 0)
  t.match(offline.out, /^account +not asked/m)

  const stranger = await file('stranger.pem', (await makeUser(await makeCa('Other CA'))).pem)
  const refused = await mattergate('explain', stranger, '--config', running.configFile, '--json')
  t.equal(refused.code, 1)
  t.match(JSON.parse(refused.out), { decision: 'refuse', code: 'chain_untrusted' })
  const carol = await running.user({ commonName: 'carol', email: 'carol@mattermost.com' })
  const deactivated = await mattergate(
    'explain',
    await file('c.pem', carol.pem),
    '--config',
    running.configFile,
  )
  t.equal(deactivated.code, 1)
  t.match(deactivated.out, /^account +REFUSE/m)
  t.match(deactivated.out, /refuse: user_deactivated/)

  t.strictSame(running.standin.tokensOf('mmuser'), [], 'nobody was signed in')
  const listed = await mattergate('identities', 'list', '--config', running.configFile)
  t.equal(listed.out, '', 'and nothing is remembered')
  const notOne = await mattergate('explain', running.configFile, '--config', running.configFile)
  t.equal(notOne.code, 64)
  t.match(notOne.err, 'no certificate')
})

test('identities are listed, and forgotten by their three words', async (t) => {
  const running = await startRunning(t)
  await running.send()
  const command = (...words: string[]) => mattergate('identities', ...words, '--config', running.configFile)
  const { id } = running.standin.user('mmuser')
  t.equal((await command('list')).out, `staff  san.email  mmuser@mattermost.com  ${id}\n`)
  t.match(JSON.parse((await command('list', '--json')).out), { trust: 'staff', userId: id })
  t.equal((await command('forget', 'staff', 'san.email')).code, 64)
  t.equal((await command('forget', 'staff', 'san.email', 'nobody@x.y')).code, 1)
  t.equal((await command('forget', 'staff', 'san.email', 'mmuser@mattermost.com')).code, 0)
  t.equal((await command('list')).out, '')
})

test('audit shows what fits and verifies the chain', async (t) => {
  const running = await startRunning(t)
  await running.send()
  await running.send({ certificate: null })
  const shown = await mattergate('audit', 'show', running.auditFile, '--reason', 'certificate_missing')
  t.equal(shown.code, 0)
  t.equal(shown.out.trim().split('\n').length, 1)
  const json = await mattergate('audit', 'show', running.auditFile, '--user', 'mmuser', '--json')
  t.equal(json.out.trim().split('\n').length, 2)
  const good = await mattergate('audit', 'verify', running.auditFile)
  t.equal(good.code, 0)
  t.match(good.out, /The chain holds/)
  const text = await readFile(running.auditFile, 'utf8')
  const forged = join(running.folder, 'forged.jsonl')
  await writeFile(forged, text.replace('"username":"mmuser"', '"username":"alice"'))
  const bad = await mattergate('audit', 'verify', forged)
  t.equal(bad.code, 1)
  t.match(bad.out, /forged\.jsonl:\d+: /)
  t.equal((await mattergate('audit', 'verify')).code, 64)
  t.equal((await mattergate('audit', 'show', running.auditFile, '--since', 'yesterday')).code, 64)
})

test('schema and nginx print what they promise', async (t) => {
  const schema = await mattergate('schema')
  t.equal((JSON.parse(schema.out) as { type: string }).type, 'object')
  const ca = await makeCa('Test CA')
  const folder = await folderWith(t, {
    'ca.crt': ca.pem,
    'admin-token': 'x'.repeat(26),
    'config.yaml': config,
  })
  const site = await mattergate('nginx', '--config', join(folder, 'config.yaml'))
  t.equal(site.code, 0)
  t.match(site.out, /ssl_verify_client optional;/)
})

test('explain takes a folder, names who gets in, who does not and why, and who shares an account', async (t) => {
  const running = await startRunning(t)
  const folder = await folderWith(t, {
    'a-mmuser.pem': running.mmuser.pem,
    'b-copy.crt': running.mmuser.pem,
    'c-second.pem': (await running.user({})).pem,
    'd-alice.pem': (await running.user({ commonName: 'alice', email: 'alice@mattermost.com' })).pem,
    'e-stranger.pem': (await makeUser(await makeCa('Other CA'))).pem,
    'f-broken.pem': running.mmuser.pem.slice(0, 100),
    'notes.txt': 'not looked at',
  })
  await writeFile(join(folder, 'g-binary.der'), running.mmuser.der)
  const all = await mattergate('explain', folder, '--config', running.configFile)
  t.equal(all.code, 1, all.err)
  t.match(all.out, /^a-mmuser\.pem +allow {3}mmuser$/m)
  t.match(all.out, /^d-alice\.pem +allow {3}alice$/m)
  t.match(all.out, /^e-stranger\.pem +refuse {2}chain_untrusted: /m)
  t.match(all.out, /^f-broken\.pem +unreadable:\s.*f-broken\.pem:1: /m)
  t.match(all.out, /^g-binary\.der +allow {3}mmuser$/m)
  t.match(all.out, 'mmuser is reached by a-mmuser.pem, b-copy.crt, c-second.pem, g-binary.der\n')
  t.match(all.out, /5 would be let in, 2 would not\n$/)
  const json = await mattergate('explain', folder, '--config', running.configFile, '--json', '--offline')
  t.match(JSON.parse(json.out), {
    explained: [{ name: 'a-mmuser.pem', explanation: { decision: 'allow' } }],
    collisions: [{ account: 'mmuser@mattermost.com' }],
  })
  const single = await mattergate(
    'explain',
    join(folder, 'g-binary.der'),
    '--config',
    running.configFile,
    '--json',
  )
  t.equal(single.code, 0)
  t.match(JSON.parse(single.out), {
    decision: 'allow',
    user: { username: 'mmuser' },
    sha256: /^[0-9a-f]{64}$/,
  })
  const empty = await folderWith(t, {})
  t.equal((await mattergate('explain', empty, '--config', running.configFile)).code, 64)
})
