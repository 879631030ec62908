// Audit and store on a real file system that fills up while people work.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { test } from 'tap'
import { verifyAuditFiles } from '../../src/audit/verify.js'
import { eventually } from '../support/eventually.js'
import { startRunning } from '../support/running-gateway.js'
import { mayMount, mountSmallDisk } from '../support/small-disk.js'

if (mayMount || process.env.CI === 'true') {
  test('on a full disk nobody is let in, nothing is forwarded, and it recovers by itself', async (t) => {
    const disk = mountSmallDisk(t, 1_048_576)
    const running = await startRunning(t, {
      yaml: {
        audit: `{ file: "${join(disk.folder, 'audit.jsonl')}" }`,
        sessions: `{ path: "${join(disk.folder, 'store')}" }`,
      },
    })
    t.equal((await running.send()).status, 200)
    const filler = join(disk.folder, 'filler')
    await writeFile(filler, Buffer.alloc(2_000_000)).catch(() => undefined)
    const refused = await eventually(
      () => running.send(),
      ({ status }) => status === 503,
    )
    t.match(refused.text, /audit_unavailable/)
    const reached = running.standin.requests.length
    t.equal((await running.send({ path: '/hooks/x', certificate: null })).status, 503, 'on no route')
    t.equal(running.standin.requests.length, reached)
    await rm(filler)
    const again = await eventually(
      () => running.send(),
      ({ status }) => status === 200,
    )
    t.equal(again.status, 200)
    const newcomer = await running.user({ commonName: 'alice', email: 'alice@mattermost.com' })
    t.equal((await running.send({ certificate: newcomer })).status, 200, 'the store writes again, too')
    t.match(await verifyAuditFiles([join(disk.folder, 'audit.jsonl')]), { ok: true })
    const lines = (await readFile(join(disk.folder, 'audit.jsonl'), 'utf8')).split('\n')
    t.equal(lines.at(-1), '', 'and no line is torn')
  })

  test('a store that cannot be written makes it unready, until it can be', async (t) => {
    const disk = mountSmallDisk(t, 1_048_576)
    const running = await startRunning(t, {
      yaml: {
        sessions: `{ path: "${join(disk.folder, 'store')}" }`,
        metrics: '{ socket: metrics.sock }',
      },
    })
    const readiness = () =>
      new Promise<string>((resolve, reject) => {
        const socketPath = join(running.folder, 'metrics.sock')
        const options = { socketPath, path: '/readyz', agent: false, headers: { Host: 'localhost' } }
        get(options, (response) => {
          let text = ''
          response.on('data', (chunk: Buffer) => (text += chunk.toString()))
          response.on('end', () => resolve(`${response.statusCode} ${text}`))
        }).once('error', reject)
      })
    t.match(await readiness(), /^200 /)
    const filler = join(disk.folder, 'filler')
    await writeFile(filler, Buffer.alloc(2_000_000)).catch(() => undefined)
    t.ok((await running.send()).status >= 500, 'nobody is let in by what cannot be kept')
    t.match(await readiness(), /^503 .*store_unavailable/)
    await rm(filler)
    const again = await eventually(readiness, (text) => text.startsWith('200'))
    t.match(again, /^200 /)
    t.equal((await running.send()).status, 200)
  })
}
