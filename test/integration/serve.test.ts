// `serve` as systemd runs it: a process of its own, ended by signals.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'
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
