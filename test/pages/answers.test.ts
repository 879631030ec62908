import { createHash } from 'node:crypto'
import { test } from 'tap'
import { Refusal, type RefusalCode, refusalTexts } from '../../src/core/refusals.js'
import { escapeHtml } from '../../src/pages/page.js'
import { refusalAnswer } from '../../src/pages/refusal-answer.js'

const codes = Object.keys(refusalTexts) as RefusalCode[]

function tell(code: RefusalCode) {
  const { status, message, remedy } = new Refusal(code)
  return { code, status, message, remedy, requestId: 'r'.repeat(26) }
}

test('every refusal has its three forms, each with the code and the request id', async (t) => {
  for (const code of codes) {
    const told = tell(code)
    const api = refusalAnswer(told, { method: 'GET', decodedPath: '/api/v4/x', navigation: true })
    t.strictSame(JSON.parse(api.body), {
      id: `mattergate.${code}`,
      message: `${told.message} ${told.remedy}`,
      detailed_error: '',
      request_id: told.requestId,
      status_code: told.status,
    })
    const page = refusalAnswer(told, { method: 'GET', decodedPath: '/', navigation: true })
    t.match(page.headers['Content-Type'], /^text\/html/)
    t.ok(page.body.includes(`<code>${code}</code>`) && page.body.includes(told.requestId))
    const text = refusalAnswer(told, { method: 'GET', decodedPath: '/', navigation: false })
    t.match(text.headers['Content-Type'], /^text\/plain/)
    t.equal(text.body.split('\n').length, 2, 'one line')
    t.ok(text.body.includes(`(${code}, request ${told.requestId})`))
  }
})

test('no refusal asks for a password by WWW-Authenticate, and none may be stored', async (t) => {
  for (const code of codes) {
    const { headers } = refusalAnswer(tell(code), { method: 'GET', decodedPath: '/', navigation: true })
    t.notOk(Object.keys(headers).some((name) => name.toLowerCase() === 'www-authenticate'))
    t.equal(headers['Cache-Control'], 'no-store')
  }
})

test('what may be better in a moment says when to try again', async (t) => {
  for (const code of codes) {
    const { headers, status } = refusalAnswer(tell(code), {
      method: 'GET',
      decodedPath: '/',
      navigation: false,
    })
    t.equal('Retry-After' in headers, status === 503, code)
  }
})

test('HEAD gets the headers of the answer and no body', async (t) => {
  const answer = refusalAnswer(tell('not_found'), { method: 'HEAD', decodedPath: '/', navigation: false })
  t.equal(answer.body, '')
  t.ok(Number(answer.headers['Content-Length']) > 0)
})

test('the page loads nothing, runs nothing and fits its policy', async (t) => {
  const { body, headers } = refusalAnswer(tell('user_unknown'), {
    method: 'GET',
    decodedPath: '/',
    navigation: true,
  })
  t.notMatch(body, /<script|<img|<link|\son\w+=|https?:\/\//i)
  const style = /<style>([^]*)<\/style>/.exec(body)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = headers['Content-Security-Policy'] ?? ''
  t.ok(policy.startsWith("default-src 'none'"))
  t.ok(policy.includes(`style-src 'sha256-${hash}'`))
  t.ok(policy.includes("frame-ancestors 'none'"))
  t.equal(headers['Referrer-Policy'], 'same-origin')
  t.match(body, /<html lang="en">/)
  t.match(body, /<meta name="viewport"/)
})

test('values on a page are text: no markup, no control, no turned writing', async (t) => {
  t.equal(escapeHtml('<b title="x">\'&'), '&lt;b title=&quot;x&quot;&gt;&#39;&amp;')
  t.equal(escapeHtml('a\u202eb\u0007c\u2066d'), 'a\ufffdb\ufffdc\ufffdd')
})
