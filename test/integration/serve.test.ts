// `serve` as systemd runs it: a process of its own, ended by signals.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'
import { verifyAuditFiles } from '../../src/audit/verify.js'
import { eventually } from '../support/eventually.js'
import { send, startRunning } from '../support/running-gateway.js'

const cli = resolve(import.meta.dirname, '../../dist/cli.js')

function serve(t: Test, configFile: string): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [cli, 'serve', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

test('SIGTERM ends it cleanly; a second one on a socket in use does not start', async (t) => {
  const running = await startRunning(t)
  const second = serve(t, running.configFile)
  const [words, [code]] = await Promise.all([
    text(second.stderr ?? second.stdout),
    once(second, 'exit') as Promise<[number]>,
  ])
  t.equal(code, 78)
  t.match(words, 'is in use')
  await running.send()
  t.match(await verifyAuditFiles([running.auditFile]), { ok: true }, 'and it left the audit alone')
  const starts = (await running.audit()).filter(({ event }) => event === 'start')
  t.equal(starts.length, 1)

  await running.gateway.stop()
  const process = serve(t, running.configFile)
  const socket = resolve(running.folder, 'http.sock')
  const up = await eventually(
    async () => send(socket, { certificate: running.mmuser }).catch(() => null),
    (answer) => answer !== null,
  )
  t.equal(up?.status, 200)
  process.kill('SIGTERM')
  const [ended] = (await once(process, 'exit')) as [number]
  t.equal(ended, 0)
  t.notOk(existsSync(socket))
  await running.restart().catch((error: unknown) => t.error(error))
})

test('a port in use is told in words, and leaves the audit of whoever has it alone', async (t) => {
  const listen = '{ host: 127.0.0.1, port: 0 }'
  const proxy = '{ trusted: [127.0.0.1/32] }'
  const running = await startRunning(t, { yaml: { listen, proxy } })
  const { port } = new URL(`http://${running.gateway.address}`)
  const configuration = (await readFile(running.configFile, 'utf8')).replace('port: 0', `port: ${port}`)
  await writeFile(running.configFile, configuration)
  const second = serve(t, running.configFile)
  const [words, [code]] = await Promise.all([
    text(second.stderr ?? second.stdout),
    once(second, 'exit') as Promise<[number]>,
  ])
  t.equal(code, 78)
  t.match(words, 'is in use')
  await running.send()
  t.match(await verifyAuditFiles([running.auditFile]), { ok: true })
})

test('what is under way is answered after SIGTERM, and a second signal waits for nothing', async (t) => {
  const running = await startRunning(t)
  await running.gateway.stop()
  const socket = resolve(running.folder, 'http.sock')
  const ask = (path: string) => send(socket, { certificate: running.mmuser, path })
  const child = serve(t, running.configFile)
  await eventually(
    () => ask('/x').catch(() => null),
    (answer) => answer !== null,
  )
  const held = running.standin.holdNext('/never')
  const asked = ask('/never').catch((error: unknown) => error)
  await held.arrived
  child.kill('SIGTERM')
  await eventually(
    () => ask('/x').catch(() => null),
    (answer) => answer === null,
  )
  t.equal(child.exitCode, null, 'it waits for the answer')
  child.kill('SIGINT')
  t.equal((await once(child, 'exit'))[0], 1)
  t.ok((await asked) instanceof Error)
  held.release()
  await running.restart().catch((error: unknown) => t.error(error))
})
