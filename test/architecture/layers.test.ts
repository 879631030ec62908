import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { test } from 'tap'
import ts from 'typescript'

const src = resolve(import.meta.dirname, '../../src')

/** From the top down; a file may import from its own room and from rooms of lower layers. */
const layers: readonly (readonly string[])[] = [
  ['cli'],
  ['server', 'demo', 'doctor', 'explain'],
  ['index', 'fastify', 'express'],
  ['front'],
  ['proxy'],
  ['pages'],
  ['gate'],
  ['revocation', 'intake', 'identity', 'mattermost', 'sessions', 'audit', 'pki', 'config', 'nginx-site'],
  ['x509', 'store'],
  ['core'],
]

/** Pairs within one layer that are above and below each other all the same, each with its reason. */
const agreed = new Map([['demo → server', 'the demo runs the very gateway that `serve` runs']])

interface Import {
  readonly file: string
  readonly specifier: string
  readonly typeOnly: boolean
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
const imports = files.flatMap(readImports)

function readImports(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(join(src, file), 'utf8'), ts.ScriptTarget.Latest)
  return source.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return []
    const { moduleSpecifier } = statement
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return []
    return [{ file, specifier: moduleSpecifier.text, typeOnly: isTypeOnly(statement) }]
  })
}

function isTypeOnly(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly
  const clause = statement.importClause
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const named = clause.namedBindings
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.every((element) => element.isTypeOnly)
  )
}

function roomOf(file: string): string {
  return (file.split('/')[0] ?? '').replace(/\.ts$/, '')
}

function targetRoom({ file, specifier }: Import): string {
  return roomOf(relative(src, resolve(src, file, '..', specifier)).replace(/\.js$/, '.ts'))
}

function layerOf(room: string): number {
  return layers.findIndex((layer) => layer.includes(room))
}

test('every file stands in a room of the architecture', async (t) => {
  for (const file of files) t.not(layerOf(roomOf(file)), -1, file)
})

test('imports go downward only; siblings share types, nothing else', async (t) => {
  for (const found of imports.filter(({ specifier }) => specifier.startsWith('.'))) {
    const [from, to] = [roomOf(found.file), targetRoom(found)]
    if (from === to || agreed.has(`${from} → ${to}`)) continue
    const [above, below] = [layerOf(from), layerOf(to)]
    const fits = above < below || (above === below && found.typeOnly)
    t.ok(fits, `${found.file} imports ${found.specifier}`)
  }
})

test('pkijs and asn1js are used where certificates are read or made, and nowhere else', async (t) => {
  const rooms = ['x509', 'revocation', 'pki']
  for (const { file, specifier } of imports) {
    if (specifier === 'pkijs' || specifier === 'asn1js') t.ok(rooms.includes(roomOf(file)), file)
  }
})

test('the environment, the exit and the time of day are read at the edge only', async (t) => {
  const edge = (file: string) => file === 'cli.ts' || file === 'core/clock.ts' || roomOf(file) === 'server'
  for (const file of files.filter((name) => !edge(name))) {
    const text = readFileSync(join(src, file), 'utf8')
    t.notMatch(text, /process\.(env|exit)\b|Date\.now\(/, file)
  }
})

test('every room of the list is there, or is named as one to come', async (t) => {
  const toCome = new Set<string>()
  const rooms = new Set(files.map(roomOf))
  for (const room of layers.flat()) t.not(rooms.has(room), toCome.has(room), room)
})
