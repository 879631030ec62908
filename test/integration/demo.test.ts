// The built command, run as a user runs it; test/run.mjs builds before the tests.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'
import { eventually } from '../support/eventually.js'

const cli = resolve(import.meta.dirname, '../../dist/cli.js')

async function demo(t: Test, ...words: string[]): Promise<{ code: number; out: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-demo-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return new Promise((done) => {
    execFile(process.execPath, [cli, 'demo', '--once', '--folder', folder, ...words], (error, out, err) => {
      done({ code: typeof error?.code === 'number' ? error.code : 0, out: `${out}${err}` })
    })
  })
}

const callers = [
  ...['mmuser', 'expired', 'revoked', 'stranger', 'version1', 'weak', 'no certificate', 'untrusted peer'],
]
const requests = ['GET /', 'GET /api/v4/users/me', 'POST /api/v4/posts', 'POST /api/v4/files', 'websocket']

for (const words of [[], ['--nginx']]) {
  test(`demo --once ${words.join(' ')} sends everything by everyone, and all goes as expected`, async (t) => {
    const { code, out } = await demo(t, ...words)
    t.equal(code, 0, 'exit code', { out })
    for (const caller of callers) {
      const rows = out.split('\n').filter((line) => line.slice(2).startsWith(caller))
      t.equal(rows.length, requests.length, caller)
      for (const request of requests)
        t.ok(
          rows.some((row) => row.includes(request)),
          `${caller} ${request}`,
        )
    }
    t.match(out, 'All 40 requests went as expected.')
  })
}

test('a port that is none is a usage error', async (t) => {
  const { code, out } = await demo(t, '--port', '99999')
  t.equal(code, 64)
  t.match(out, '--port 99999')
})

test('the curl lines that it prints work as they stand, and Ctrl-C ends it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mattergate-demo-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const child = spawn(process.execPath, [cli, 'demo', '--folder', folder, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  await eventually(
    () => out,
    (text) => text.includes('Ctrl-C ends it.'),
  )
  const lines = [...out.matchAll(/^ {2}(curl (?:.*\\\n)*.*)$/gm)].map(([, line = '']) => line)
  t.equal(lines.length, 2)
  const answers = lines.map((line) =>
    execFileSync('/bin/sh', ['-c', `${line} --silent`], { encoding: 'utf8' }),
  )
  t.match(answers[0], '"username":"mmuser"')
  t.match(answers[1], 'mattergate.certificate_expired')
  const audit = /mattergate (audit show .*)$/m.exec(out)?.[1]?.split(' ') ?? []
  t.match(execFileSync(process.execPath, [cli, ...audit], { encoding: 'utf8' }), 'certificate_expired')
  child.kill('SIGINT')
  t.equal((await once(child, 'exit'))[0], 0)
})
