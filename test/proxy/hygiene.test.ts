import { test } from 'tap'
import { HeaderHygiene } from '../../src/proxy/header-hygiene.js'
import { allowedRequest, owned, session, untouched } from './allowed.js'

const hygiene = new HeaderHygiene({
  publicUrl: 'https://chat.example.com',
  certificateHeader: 'X-Our-Cert',
  subjectHeader: 'X-Our-Subject',
  verifyHeader: 'X-Our-Verify',
  ownCookieName: '__Host-mattergate',
})
const written = ['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'chat.example.com']

function sent(rawHeaders: readonly string[], forwarding = owned): string[] {
  const headers = hygiene.requestHeaders(rawHeaders, allowedRequest({ forwarding }))
  return headers.slice(0, headers.length - written.length)
}

function cookieSent(value: string, forwarding = owned): string | undefined {
  return sent(['Cookie', value], forwarding)[1]
}

test('passes what is not its business byte for byte, in order and doubled', (t) => {
  const headers = [
    'hOST',
    'x',
    'X-A',
    '1',
    'x-a',
    '2',
    'X_A',
    '3',
    'Content-Length',
    '5',
    'X-CSRF-Token',
    '\xe9',
  ]
  t.strictSame(sent(headers), headers)
  t.strictSame(sent(['X-Request-Id', 'a', 'Origin', 'o']), ['X-Request-Id', 'a', 'Origin', 'o'])
  t.end()
})

test('drops hop-by-hop fields, Expect and their underscore twins', (t) => {
  const names = ['Connection', 'Keep-Alive', 'Proxy-Connection', 'Proxy-Authorization', 'TE', 'Trailer']
  for (const name of [...names, 'Transfer-Encoding', 'Transfer_Encoding', 'Upgrade', 'Expect']) {
    t.strictSame(sent([name, 'x-other']), [], name)
  }
  t.end()
})

test('drops what claims to come from a proxy, in any spelling', (t) => {
  const identity = [
    'X-Our-Cert',
    'x_our_cert',
    'X-Our-Subject',
    'X_Our-Verify',
    'X-SSL-Client-Cert',
    'X_SSL_Client_Cert',
  ]
  const others = [
    'X-Our-Cert-Chain',
    'Client-Cert',
    'Client-Cert-Chain',
    'X-Forwarded-Tls-Client-Cert',
    'X-Forwarded-Tls-Client-Cert-Info',
    'X-Forwarded-Client-Cert',
    'X-Amzn-Mtls-Clientcert',
    'X-Amzn-Mtls-Clientcert-Leaf',
    'X-Amzn-Mtls-Clientcert-Subject',
    'Cf-Client-Cert-Der-Base64',
    'Cf-Cert-Verified',
    'X-SSL-Client-Cert-Chain',
    'X-Client-Certificate',
    'SSL-Client-Cert',
    'SSL-Cert-Chain',
  ]
  const gateway = ['X-Mattergate-Proxy-Secret', 'X_Mattergate_Anything', 'X-Mattergate-Proxy-Refusal']
  const where = [
    'X-Forwarded-For',
    'X_Forwarded_For',
    'X-Forwarded-Proto',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
  ]
  const rest = [
    'X-Forwarded-Prefix',
    'X-Forwarded-Uri',
    'X-Forwarded',
    'Forwarded',
    'X-Real-IP',
    'X-Original-URL',
  ]
  for (const name of [...identity, ...others, ...gateway, ...where, ...rest, 'X-Rewrite-URL']) {
    t.strictSame(sent([name, 'forged']), [], name)
    t.strictSame(sent([name, 'forged'], untouched), [], `${name}, nothing injected`)
  }
  t.end()
})

test('writes the client address, scheme and host anew', (t) => {
  const allowed = allowedRequest({ clientIp: '192.0.2.7' })
  t.strictSame(hygiene.requestHeaders(['X-Forwarded-For', '10.0.0.1', 'X-Real-IP', '10.0.0.1'], allowed), [
    'X-Forwarded-For',
    '192.0.2.7',
    'X-Real-IP',
    '192.0.2.7',
    ...written,
  ])
  t.strictSame(hygiene.requestHeaders([], allowedRequest()), written, 'the address is unknown')
  t.end()
})

test('drops what Connection lists, but neither its own headers nor framing and origin', (t) => {
  const forwarding = { ...owned, session: session('token') }
  const listed = 'close, X-A ,authorization, X-Forwarded-For, Host, content-length, ORIGIN, cookie'
  const headers = ['x-a', '1', 'Host', 'h', 'Content-Length', '0', 'Origin', 'o', 'Cookie', 'a=1', 'X-B', '2']
  const allowed = allowedRequest({ clientIp: '192.0.2.7', forwarding })
  for (const raw of [
    ['Connection', listed, ...headers],
    [...headers, 'Connection', 'keep-alive', 'connection', listed],
  ]) {
    t.strictSame(hygiene.requestHeaders(raw, allowed), [
      ...['Host', 'h', 'Content-Length', '0', 'Origin', 'o', 'X-B', '2'],
      ...['X-Forwarded-For', '192.0.2.7', 'X-Real-IP', '192.0.2.7', ...written],
      ...['Authorization', 'Bearer token'],
    ])
  }
  t.end()
})

test("puts the session's credential in place of the client's", (t) => {
  const own = ['Authorization', 'Bearer stolen', 'authorization', 'Token stolen']
  t.strictSame(sent(own), [])
  t.strictSame(sent(own, untouched), own, 'nothing is injected, nothing is removed')
  const allowed = allowedRequest({ forwarding: { ...untouched, session: session('token') } })
  t.strictSame(hygiene.requestHeaders(own, allowed), [...written, 'Authorization', 'Bearer token'])
  t.end()
})

test('removes every MMAUTHTOKEN cookie and its own, and leaves the others as they stood', (t) => {
  t.equal(cookieSent('MMAUTHTOKEN=a'), undefined)
  t.equal(cookieSent('MMAUTHTOKEN'), undefined, 'a name without a value is an empty cookie')
  t.equal(cookieSent('MMAUTHTOKEN="a"; x=1; MMAUTHTOKEN=b'), 'x=1')
  t.equal(cookieSent('a=1;MMAUTHTOKEN =x;b=" 2";\tMMAUTHTOKEN=;  c'), 'a=1;b=" 2";  c')
  t.equal(cookieSent('a="1; MMAUTHTOKEN=x"; b'), 'a="1; b', 'Go separates within quotes too')
  t.equal(
    cookieSent('mmauthtoken=1; xMMAUTHTOKEN=2; v=MMAUTHTOKEN'),
    'mmauthtoken=1; xMMAUTHTOKEN=2; v=MMAUTHTOKEN',
  )
  t.equal(cookieSent('__Host-mattergate=s; MMUSERID=u; MMCSRF=c'), 'MMUSERID=u; MMCSRF=c')
  t.equal(cookieSent('MMAUTHTOKEN=a; __Host-mattergate=s', untouched), 'MMAUTHTOKEN=a')
  t.strictSame(sent(['Cookie', 'a=1', 'cookie', 'MMAUTHTOKEN=x', 'Cookie', 'b=2']), [
    'Cookie',
    'a=1',
    'Cookie',
    'b=2',
  ])
  t.end()
})

test('removes every access_token of the query and leaves the rest as it stood', (t) => {
  const target = (original: string, forwarding = owned) =>
    hygiene.target(allowedRequest({ target: original, forwarding }))
  const cases: readonly (readonly [string, string])[] = [
    ['/x', '/x'],
    ['/x?', '/x?'],
    ['/%61%2Fb?q=%zz&&a=+', '/%61%2Fb?q=%zz&&a=+'],
    ['/x?access_token=t', '/x'],
    ['/x?access_token', '/x'],
    ['/x?a=1&access_token=t&b=%20', '/x?a=1&b=%20'],
    ['/x?access%5Ftoken=t&a=1', '/x?a=1'],
    ['/x?a=1&%61ccess_toke%6e=', '/x?a=1'],
    ['/x?access_token=1&access_token=2', '/x'],
    ['/x?access%255Ftoken=t', '/x?access%255Ftoken=t'],
    ['/x?my_access_token=t&a=access_token=x', '/x?my_access_token=t&a=access_token=x'],
    ['/x?Access_Token=t', '/x?Access_Token=t'],
    ['/x?a=1;access_token=t', '/x?a=1;'],
    ['/x?a=1;b=%41', '/x?a=1;b=%41'],
  ]
  for (const [original, expected] of cases) {
    t.equal(target(original), expected, original)
    t.equal(target(original, untouched), original, `${original}, untouched`)
  }
  t.end()
})

function received(rawHeaders: readonly string[], forwarding = owned, status = 200): string[] {
  const allowed = allowedRequest({ forwarding })
  const fromBytes = rawHeaders.map((text) => Buffer.from(text, 'latin1'))
  return hygiene.answerHeaders(fromBytes, allowed, status)
}

test('removes the credentials of Mattermost from its answers, and nothing else', (t) => {
  const others = [
    'Set-Cookie',
    'MMAUTHTOKENS=1',
    'set-cookie',
    'mmuserid=2; Path=/',
    'Set-Cookie',
    'a="MMCSRF=1"',
  ]
  const credentials = [
    'TOKEN',
    't',
    'Set-Cookie',
    'MMAUTHTOKEN=; Max-Age=0',
    'set-cookie',
    ' MMUSERID =u',
    'Set-Cookie',
    'MMCSRF',
  ]
  t.strictSame(received([...credentials, ...others]), others)
  t.strictSame(received([...credentials, ...others], untouched), [...credentials, ...others])
  t.strictSame(received(['Set-Cookie', '__Host-mattergate=planted'], untouched), [])
  t.strictSame(received(['WWW-Authenticate', 'Basic', 'X-\xe9', '\xff']), [
    'WWW-Authenticate',
    'Basic',
    'X-\xe9',
    '\xff',
  ])
  t.strictSame(
    hygiene.answerHeaders(['Token', 't', 'ETag', 'e'], allowedRequest({ forwarding: owned }), 200),
    ['ETag', 'e'],
  )
  t.end()
})

test('drops hop-by-hop fields of an answer and what its Connection lists', (t) => {
  const headers = [
    'Connection',
    'close, X-A',
    'Keep-Alive',
    'timeout=5',
    'Transfer-Encoding',
    'chunked',
    'X-A',
    '1',
  ]
  t.strictSame(received([...headers, 'Trailer', 'x', 'Upgrade', 'h2c', 'X-B', '2']), ['X-B', '2'])
  t.end()
})

test('makes a public answer private, by directive and not by text', (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['no-cache, max-age=31556926, public', 'no-cache, max-age=31556926, private'],
    ['PUBLIC', 'private'],
    ['public,max-age=1', 'private,max-age=1'],
    ['max-age=1 , \tpublic ,x', 'max-age=1 , \tprivate ,x'],
    ['no-cache="public", publicity, x-public', 'no-cache="public", publicity, x-public'],
    ['private="a\\", public", public', 'private="a\\", public", private'],
    ['"\\'.repeat(30_000), 'private'],
  ]
  for (const [value, expected] of cases) {
    t.strictSame(received(['cache-Control', value]), ['cache-Control', expected], value)
    t.strictSame(received(['Cache-Control', value], untouched), ['Cache-Control', value])
  }
  t.end()
})

test('adds cookies to a successful HTML answer only, which no cache may keep', (t) => {
  const forwarding = { ...owned, addCookies: ['MMUSERID=u; Path=/', '__Host-mattergate=s'] }
  const html = ['Content-Type', 'Text/HTML; charset=utf-8', 'Cache-Control', 'public', 'Set-Cookie', 'a=1']
  t.strictSame(received([...html, 'cache-control', 'max-age=1', 'X-A', '1'], forwarding), [
    ...['Content-Type', 'Text/HTML; charset=utf-8', 'Set-Cookie', 'a=1', 'X-A', '1'],
    ...['Cache-Control', 'private, no-store'],
    ...['Set-Cookie', 'MMUSERID=u; Path=/', 'Set-Cookie', '__Host-mattergate=s'],
  ])
  const json = ['Content-Type', 'application/json', 'Cache-Control', 'no-cache']
  t.strictSame(received(json, forwarding), json)
  t.strictSame(received(['Content-Type', 'text/htmlx'], forwarding), ['Content-Type', 'text/htmlx'])
  t.strictSame(received(['Content-Type', 'text/html'], forwarding, 404), ['Content-Type', 'text/html'])
  t.end()
})

test('remembers spellings without growing for ever', (t) => {
  for (let at = 0; at < 5_000; at += 1) sent([`X-Junk-${at}`, '1'])
  t.strictSame(sent(['X-Junk-1', '1', 'x_our_cert', '2', `X-${'a'.repeat(10_000)}`, '3']).length, 4)
  t.end()
})
