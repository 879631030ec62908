import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, isIP, type LookupFunction } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Test, test } from 'tap'
import { isPublicAddress } from '../../src/revocation/fetch/address.js'
import { FetchQueue } from '../../src/revocation/fetch/fetch-queue.js'
import {
  Fetcher,
  type FetchFailure,
  type FetchRequest,
  type FetchResult,
} from '../../src/revocation/fetch/fetcher.js'
import { makeCa } from '../support/certificates.js'
import { eventually } from '../support/eventually.js'

test('refuses special addresses in every spelling and passes public ones', async (t) => {
  const special = [
    '127.0.0.2',
    '10.1.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.1.1',
    '0.0.0.0',
    '224.0.0.1',
    '::1',
    '::',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    'fe80::1%eth0',
    'fd00::1',
    'ff02::1',
    'x',
  ]
  for (const address of special) t.notOk(isPublicAddress(address), address)
  for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1']) t.ok(isPublicAddress(address), address)
})

test('fetches only allowed hosts at allowed addresses, whole, and without following', async (t) => {
  let reached = 0
  const server = createServer((request, response) => {
    reached += 1
    if (request.url === '/moved') response.writeHead(302, { location: '/' }).end()
    else if (request.url === '/slow') response.write('x')
    else response.end('0123456789')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
  const port = String((server.address() as AddressInfo).port)
  const rebinding: LookupFunction = (_name, options, callback) => {
    if (options.all === true) callback(null, [{ address: '127.0.0.2', family: 4 }])
    else callback(null, '127.0.0.2', isIP('127.0.0.2'))
  }
  const closed = new Fetcher({ allow: ['127.0.0.2', '[::1]', 'crl.example'], private: false }, rebinding)
  const open = new Fetcher({ allow: ['127.0.0.2', `crl.example:${port}`], private: true }, rebinding)
  t.teardown(async () => {
    await closed.close()
    await open.close()
    server.closeAllConnections()
    server.close()
  })
  const get = (fetcher: Fetcher, url: string, maxBytes = 100, timeoutMs = 2000) =>
    fetcher.fetch({ url, maxBytes, timeoutMs, accept: 'application/pkix-crl' })
  for (const host of ['127.0.0.2', '[::1]', 'crl.example', '2130706434'])
    t.match(await get(closed, `http://${host}:${port}/`), { failure: 'address_refused' }, host)
  t.equal(reached, 0)
  t.match(await get(open, `http://other.example:${port}/`), { failure: 'host_not_allowed' })
  t.match(await get(open, 'http://crl.example:1/'), { failure: 'host_not_allowed' })
  t.match(await get(open, `http://a:b@127.0.0.2:${port}/`), { failure: 'url_refused' })
  t.match(await get(open, 'file:///etc/passwd'), { failure: 'url_refused' })
  t.match(await get(open, `http://127.0.0.2:${port}/moved`), { failure: 'bad_status' })
  t.match(await get(open, `http://127.0.0.2:${port}/`, 9), { failure: 'too_large' })
  t.match(await get(open, `http://127.0.0.2:${port}/slow`, 9, 200), { failure: 'timeout' })
  const whole = await get(open, `http://CRL.example:${port}/`, 10)
  t.equal('bytes' in whole ? Buffer.from(whole.bytes).toString() : '', '0123456789')
})

/** A server of our own on loopback and a fetcher that may ask it. */
async function openPair(t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fetcher = new Fetcher({ allow: ['127.0.0.1'], private: true })
  t.teardown(async () => {
    await fetcher.close()
    server.closeAllConnections()
    server.close()
  })
  return { fetcher, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

const wantedOf = (url: string, timeoutMs = 5000): FetchRequest => ({
  ...{ url, timeoutMs, maxBytes: 100, accept: 'application/ocsp-response' },
  body: { bytes: Buffer.from('question'), contentType: 'application/ocsp-request' },
})

test('posts a question as its type, and takes an answer of the wanted type alone', async (t) => {
  let type: string | null = 'application/ocsp-response'
  const { fetcher, url } = await openPair(t, (request, response) => {
    if (type !== null) response.setHeader('content-type', type)
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () =>
      response.end(`${request.method} ${request.headers['content-type']} ${Buffer.concat(parts).toString()}`),
    )
  })
  const answer = await fetcher.fetch(wantedOf(url))
  const text = 'bytes' in answer ? Buffer.from(answer.bytes).toString() : ''
  t.equal(text, 'POST application/ocsp-request question')
  type = 'Application/OCSP-Response; x=y'
  t.ok('bytes' in (await fetcher.fetch(wantedOf(url))), 'in any case, and with a parameter')
  for (const other of ['text/html', 'application/ocsp-responses', '', null]) {
    type = other
    t.match(await fetcher.fetch(wantedOf(url)), { failure: 'bad_content_type' }, `${other}`)
  }
})

test('takes https of no certificate that it cannot check', async (t) => {
  const { pem, privateKeyPem } = await makeCa('127.0.0.1')
  let reached = 0
  const server = createSecureServer({ cert: pem, key: privateKeyPem }, (_request, response) => {
    reached += 1
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fetcher = new Fetcher({ allow: ['127.0.0.1'], private: true })
  t.teardown(async () => {
    await fetcher.close()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  t.match(await fetcher.fetch(wantedOf(url)), { failure: 'unreachable' })
  t.equal(reached, 0)
})

test('says that it was closed of what is under way, and of what comes after', async (t) => {
  let reached = (): void => undefined
  const isReached = new Promise<void>((resolve) => {
    reached = resolve
  })
  const { fetcher, url } = await openPair(t, () => reached())
  const waiting = fetcher.fetch(wantedOf(url))
  await isReached
  await fetcher.close()
  t.match(await waiting, { failure: 'closed' })
  t.match(await fetcher.fetch(wantedOf(url)), { failure: 'closed' })
})

/** A fetcher whose exchanges end when the test says so. */
function heldFetcher() {
  const running: {
    readonly url: string
    readonly timeoutMs: number
    readonly end: (result: FetchResult) => void
  }[] = []
  const fetch = ({ url, timeoutMs }: FetchRequest) =>
    new Promise<FetchResult>((end) => {
      running.push({ url, timeoutMs, end })
    })
  return { running, fetcher: { fetch } }
}

const good = { bytes: Buffer.alloc(0) }
const few = { running: 1, waiting: 1, tries: 3, tryMs: 1000, backOffMs: 1 }

test('asks one host in turns, refuses what is too much for it, and lets other hosts go ahead', async (t) => {
  const { running, fetcher } = heldFetcher()
  const queue = new FetchQueue(fetcher, few)
  const first = queue.fetch(wantedOf('http://a.example/1'))
  const second = queue.fetch(wantedOf('http://a.example/2'))
  t.match(await queue.fetch(wantedOf('http://a.example/3')), { failure: 'overloaded' })
  const other = queue.fetch(wantedOf('http://a.example:8080/'))
  await eventually(
    () => running.length,
    (length) => length === 2,
  )
  t.same(
    running.map(({ url }) => url),
    ['http://a.example/1', 'http://a.example:8080/'],
  )
  for (const { end } of running) end(good)
  t.same(await Promise.all([first, other]), [good, good])
  const [, , next] = await eventually(
    () => running,
    ({ length }) => length === 3,
  )
  t.equal(next?.url, 'http://a.example/2')
  next?.end(good)
  t.same(await second, good)
  const again = queue.fetch(wantedOf('http://a.example/4'))
  await eventually(
    () => running.length,
    (length) => length === 4,
  )
  running[3]?.end(good)
  t.same(await again, good, 'places are given back')
})

test('whoever waits too long for his turn gives up, and closing ends those that wait', async (t) => {
  const { running, fetcher } = heldFetcher()
  const queue = new FetchQueue(fetcher, few)
  const first = queue.fetch(wantedOf('http://a.example/1'))
  t.match(await queue.fetch(wantedOf('http://a.example/2', 20)), { failure: 'timeout' })
  const third = queue.fetch(wantedOf('http://a.example/3'))
  queue.close()
  t.match(await third, { failure: 'closed' })
  t.match(await queue.fetch(wantedOf('http://b.example/')), { failure: 'closed' })
  running[0]?.end({ failure: 'unreachable' })
  t.match(await first, { failure: 'closed' }, 'it is not tried again')
  t.equal(running.length, 1)
})

test('tries again what may have passed, so often and so long as it may', async (t) => {
  const tried: FetchRequest[] = []
  const results: FetchResult[] = []
  const fetch = async (wanted: FetchRequest) => {
    tried.push(wanted)
    return results.shift() ?? good
  }
  const queue = new FetchQueue({ fetch }, few)
  const triesOf = async (failures: FetchFailure[]) => {
    tried.length = 0
    results.splice(0, results.length, ...failures.map((failure) => ({ failure })))
    const result = await queue.fetch(wantedOf('http://a.example/'))
    return [tried.length, 'failure' in result ? result.failure : 'good']
  }
  t.same(await triesOf([]), [1, 'good'])
  t.same(await triesOf(['unreachable', 'bad_status']), [3, 'good'])
  t.same(await triesOf(['timeout', 'timeout', 'timeout']), [3, 'timeout'])
  t.ok(tried.every(({ timeoutMs }) => timeoutMs <= few.tryMs))
  for (const failure of [
    'host_not_allowed',
    'address_refused',
    'too_large',
    'bad_content_type',
    'closed',
  ] as const)
    t.same(await triesOf([failure]), [1, failure])
})

test('its time ends an exchange however often the garbage collector runs meanwhile', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const server = createServer(() => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const fetcher = new Fetcher({ allow: ['127.0.0.1'], private: true })
  const timer = setInterval(collect, 20)
  t.teardown(async () => {
    clearInterval(timer)
    await fetcher.close()
    server.closeAllConnections()
    server.close()
  })
  const wanted = { maxBytes: 100, timeoutMs: 300, accept: 'application/pkix-crl' }
  const ended: FetchResult[] = []
  for (let count = 0; count < 5; count += 1)
    void fetcher.fetch({ ...wanted, url: `http://127.0.0.1:${port}/` }).then((result) => ended.push(result))
  await eventually(
    () => ended.length,
    (count) => count === 5,
  )
  t.strictSame(
    ended,
    Array.from({ length: 5 }, () => ({ failure: 'timeout' })),
  )
})
