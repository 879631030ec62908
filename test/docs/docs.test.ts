import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'tap'
import { describeKeys } from '../../src/config/describe-keys.js'
import { refusalTexts } from '../../src/core/refusals.js'

const root = resolve(import.meta.dirname, '../..')
const read = (name: string) => readFileSync(join(root, name), 'utf8')
const pages = [
  ...['README.md', 'CHANGELOG.md', 'SECURITY.md', 'CONTRIBUTING.md'],
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

test('the generated pages say what the code says: run npm run docs where this fails', async (t) => {
  const refusals = read('docs/refusals.md')
  for (const [code, { status, message, remedy }] of Object.entries(refusalTexts)) {
    t.match(refusals, `| \`${code}\` | ${status} |`)
    t.match(refusals, message)
    t.match(refusals, remedy)
  }
  const configuration = read('docs/configuration.md')
  for (const { path, description } of describeKeys()) {
    t.match(configuration, `| \`${path}\` |`)
    t.match(configuration, description.replaceAll('|', '\\|'))
  }
})

test('every link within the docs leads somewhere', async (t) => {
  for (const page of pages) {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (/^https?:/.test(target)) continue
      t.ok(existsSync(join(root, page, '..', target)), `${page}: ${target}`)
    }
  }
})

test('every refusal that troubleshooting speaks of exists', async (t) => {
  const known = new Set<string>(Object.keys(refusalTexts))
  for (const [, code = ''] of read('docs/troubleshooting.md').matchAll(/^## \d{3} `(\w+)`/gm)) {
    t.ok(known.has(code), code)
  }
})
