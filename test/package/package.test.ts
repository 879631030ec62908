// The archive of `npm pack`, as somebody else installs it: every export, in both languages, and the command.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'tap'

const root = resolve(import.meta.dirname, '../..')

function run(folder: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

const useInTypeScript = `
import { ConfigError, createGate, type Decision, loadConfig, type RefusalCode, type RequestFacts } from 'mattergate'
import { certificateGate as middleware } from 'mattergate/express'
import { certificateGate as plugin } from 'mattergate/fastify'
import Fastify from 'fastify'

export async function use(): Promise<RefusalCode | string> {
  const config = await loadConfig('app.yaml')
  const gate = await createGate(config)
  const facts: RequestFacts = { method: 'GET', target: '/', rawHeaders: [], peer: { socket: true } }
  const decision: Decision = await gate.admit(facts)
  await gate.close()
  if (!decision.allowed) return decision.code
  const app = Fastify()
  await app.register(plugin, { config })
  app.get('/', (request) => request.decision?.identity?.value ?? '')
  const express = middleware({ config: { public: { url: 'https://x.example' } } })
  await express.ready
  return new ConfigError([]).message
}
`

test('the archive holds what is needed and nothing else, and works where it is installed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mattergate-pack-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const packed = JSON.parse(run(root, 'npm', 'pack', '--json', '--pack-destination', folder)) as {
    readonly filename: string
    readonly files: readonly { readonly path: string }[]
  }[]
  const [archive] = packed
  if (archive === undefined) throw new Error('npm packed nothing')
  const paths = archive.files.map(({ path }) => path)
  const belongs =
    /^(dist|docs|nginx|proxies|systemd)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md|config\.example\.yaml)$/
  t.strictSame(
    paths.filter((path) => !belongs.test(path)),
    [],
  )
  for (const needed of [
    'dist/cli.js',
    'dist/index.d.ts',
    'systemd/mattergate.service',
    'config.example.yaml',
    'LICENSE',
  ]) {
    t.ok(paths.includes(needed), needed)
  }

  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true, "type": "module" }')
  run(
    project,
    'npm',
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    join(folder, archive.filename),
  )
  const script = `
import { createGate, loadConfig, refusalTexts } from 'mattergate'
import { certificateGate as middleware } from 'mattergate/express'
import { certificateGate as plugin } from 'mattergate/fastify'
console.log([createGate, loadConfig, middleware, plugin].map((what) => typeof what).join(), 'internal' in refusalTexts)
`
  writeFileSync(join(project, 'use.mjs'), script)
  t.equal(run(project, process.execPath, 'use.mjs').trim(), 'function,function,function,function true')

  // The types of Node come with whoever writes TypeScript.
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  }
  writeFileSync(join(project, 'use.ts'), useInTypeScript)
  const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  const compiled = spawnSync(join(root, 'node_modules/.bin/tsc'), [...options, 'use.ts'], {
    cwd: project,
    encoding: 'utf8',
  })
  t.equal(compiled.stdout, '', 'without skipLibCheck, too')
  t.match(run(project, 'npx', '--no-install', 'mattergate', '--help'), /Usage: mattergate COMMAND/)
})
