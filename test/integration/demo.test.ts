// The built command, run as a user runs it; test/run.mjs builds before the tests.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Test, test } from 'tap'

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

const callers = ['mmuser', 'expired', 'stranger', 'version1', 'weak', 'no certificate', 'untrusted peer']
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
    t.match(out, 'All 35 requests went as expected.')
  })
}

test('a port that is none is a usage error', async (t) => {
  const { code, out } = await demo(t, '--port', '99999')
  t.equal(code, 64)
  t.match(out, '--port 99999')
})
