import { createServer } from 'node:http'
import { type AddressInfo, isIP, type LookupFunction } from 'node:net'
import { test } from 'tap'
import { isPublicAddress } from '../../src/revocation/fetch/address.js'
import { Fetcher } from '../../src/revocation/fetch/fetcher.js'

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
