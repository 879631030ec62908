import fc from 'fast-check'
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { readRequestPath } from '../../src/intake/request-path.js'

test('a path is read as Mattermost will match it: decoded once, the original bytes kept', (t) => {
  const cases: [target: string, decoded: string][] = [
    ['/', '/'],
    ['/api/v4/users/me', '/api/v4/users/me'],
    ['/api/v4/users%2Flogin', '/api/v4/users/login'],
    ['/%61pi/v4/users/login', '/api/v4/users/login'],
    ['/oauth%2Fgitlab/login', '/oauth/gitlab/login'],
    ['/plugins%2Fx/y', '/plugins/x/y'],
    ['/a%252e%252e/b', '/a%2e%2e/b'],
    ['/a%25/b', '/a%/b'],
    ['/a;b=c/d', '/a;b=c/d'],
    ['/a/', '/a/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/..a/b', '/..a/b'],
    ['/...', '/...'],
    ['/a+b', '/a+b'],
    ['/t%C3%A9am/x', '/téam/x'],
    ['/API/v4', '/API/v4'],
  ]
  for (const [target, decoded] of cases) {
    t.strictSame(readRequestPath(target), { decoded, raw: target, query: null }, target)
  }
  t.end()
})

test('the query is kept apart, and only the first question mark begins it', (t) => {
  t.strictSame(readRequestPath('/a?b=/../c?d'), { decoded: '/a', raw: '/a', query: 'b=/../c?d' })
  t.strictSame(readRequestPath('/a?'), { decoded: '/a', raw: '/a', query: '' })
  t.strictSame(readRequestPath('/a%3Fb'), { decoded: '/a?b', raw: '/a%3Fb', query: null })
  t.end()
})

test('what can be read in more than one way is refused', (t) => {
  const targets = [
    '',
    '*',
    'a',
    'http://chat.example.com/a',
    '//evil.example/a',
    '/a//b',
    '/a%2F/b',
    '/a/%2Fb',
    '/.',
    '/..',
    '/a/.',
    '/a/./b',
    '/a/../b',
    '/a/..',
    '/a/%2e%2e/b',
    '/a/%2E./b',
    '/a/.%2e/b',
    '/a%2F..%2Fb',
    '/a/..;/b',
    '/a/..;x=y/b',
    '/a/.;/b',
    '/a/%2e%2e;x',
    '/a/..%3Bx/b',
    '/a\\b',
    '/a%5Cb',
    '/a%00b',
    '/a#b',
    '/a%23b',
    '/a?b#c',
    '/a%',
    '/a%2',
    '/a%zz',
    '/a%c3',
    '/a%ff',
    '/a%C0%AEb',
    '/a\u00e9b',
    '/a b',
    '/a\tb',
  ]
  for (const target of targets) {
    const read = readRequestPath(target)
    t.ok(read instanceof Refusal && read.code === 'request_ambiguous', JSON.stringify(target))
  }
  t.end()
})

test('no path that passes holds a dot segment, a doubled slash, a backslash or a NUL', (t) => {
  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2F',
    '%5c',
    '\\',
    ';',
    'a',
    '%',
    '%25',
    '%00',
    '?',
    '#',
  )
  const run = fc.check(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const read = readRequestPath(`/${pieces.join('')}`)
      if (read instanceof Refusal) return true
      const segments = read.decoded.split('/').map((segment) => segment.split(';')[0])
      return !segments.includes('.') && !segments.includes('..') && !/\/\/|[\\\0#]/.test(read.decoded)
    }),
    { numRuns: 20_000 },
  )
  t.notOk(run.failed, `seed ${run.seed}: ${JSON.stringify(run.counterexample)}`)
  t.end()
})
