// `npm test`: what the tests need, then types, lint, build and every test; last line `N passed, N failed`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Programs that the tests run for real, each with the Debian package that brings it. */
const programs = [
  {
    files: ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'],
    package: 'nginx',
  },
  { files: ['/usr/bin/openssl', '/usr/local/bin/openssl', '/opt/homebrew/bin/openssl'], package: 'openssl' },
  { files: ['/usr/bin/curl', '/usr/local/bin/curl'], package: 'curl' },
  { files: ['/usr/sbin/haproxy'], package: 'haproxy' },
  { files: ['/usr/sbin/apache2', '/usr/sbin/httpd'], package: 'apache2' },
  { files: ['/usr/bin/caddy', '/usr/local/bin/caddy'], package: 'caddy' },
  { files: ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'], package: 'systemd' },
  {
    files: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
    package: 'chromium',
  },
]

function installMissing() {
  const missing = programs.filter(({ files }) => !files.some((file) => existsSync(file)))
  if (missing.length === 0) return
  const packages = missing.map((program) => program.package)
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.error(
      `Missing: ${packages.join(', ')}. The tests that need them will fail. On Debian: sudo ${command}`,
    )
    return
  }
  console.log(`Installing ${packages.join(', ')}`)
  run('apt-get', ['update', '-qq'])
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    DEBIAN_FRONTEND: 'noninteractive',
  })
}

function run(command, args, env = {}) {
  return spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } }).status === 0
}

/** tap's own count of assertions; a file that crashed counts as a failure. */
function runTap() {
  const folder = mkdtempSync(join(tmpdir(), 'mattergate-test-'))
  const output = join(folder, 'tap.txt')
  const tap = spawnSync('npx', ['tap', 'run', '--reporter=terse', `--output-file=${output}`], {
    stdio: 'inherit',
    env: process.env,
  })
  const text = readFileSync(output, 'utf8')
  if (tap.status !== 0) printFailures(text)
  const total = text.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? ''
  rmSync(folder, { recursive: true })
  const count = (name) => Number(new RegExp(`${name}: (\\d+)`).exec(total)?.[1] ?? 0)
  const skipped = count('skip') + count('todo')
  const failed = count('fail') + (process.env.CI === 'true' ? skipped : 0)
  return { passed: count('pass'), failed: tap.status !== 0 && failed === 0 ? 1 : failed }
}

const shownLines = 30
const shownFailures = 20

/** The reporter says nothing of them where its output is no terminal. */
function printFailures(text) {
  const lines = text.split('\n')
  const failures = lines.flatMap((line, at) => (/^\s*not ok /.test(line) ? [at] : []))
  for (const at of failures.slice(0, shownFailures))
    console.log(
      lines
        .slice(at, at + shownLines)
        .join('\n')
        .replaceAll(/^/gm, '    '),
    )
}

installMissing()
const steps = [
  ['types', () => run('npx', ['tsc', '--noEmit'])],
  ['lint', () => run('npm', ['run', '--silent', 'lint'])],
  ['build', () => run('npm', ['run', '--silent', 'build'])],
]
let passed = 0
let failed = 0
for (const [name, step] of steps) {
  const good = step()
  console.log(`${name}: ${good ? 'passed' : 'failed'}`)
  if (good) passed += 1
  else failed += 1
}
const tests = runTap()
passed += tests.passed
failed += tests.failed
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
