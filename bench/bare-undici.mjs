// The floor for a proxy on Node (numbers.md): raw headers both ways, hop-by-hop and certificate dropped,
// the body streamed, nothing else.
import http from 'node:http'
import { Pool } from 'undici'

const [, , upstream] = process.argv
const dropped = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['expect', 'x-ssl-client-cert'],
])
const pool = new Pool(upstream, { connections: 512 })

function kept(raw) {
  const headers = []
  for (let at = 0; at < raw.length; at += 2) {
    if (!dropped.has(raw[at].toString('latin1').toLowerCase())) {
      headers.push(raw[at].toString('latin1'), raw[at + 1].toString('latin1'))
    }
  }
  return headers
}

const server = http.createServer((request, response) => {
  const { method, url, rawHeaders, headers } = request
  const bodyless = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
  let goOn
  pool.dispatch(
    { method, path: url, headers: kept(rawHeaders), body: bodyless ? null : request },
    {
      onConnect() {},
      onHeaders(status, raw, resume) {
        goOn = resume
        response.writeHead(status, kept(raw))
        return true
      },
      onData(chunk) {
        if (response.write(chunk)) return true
        response.once('drain', goOn)
        return false
      },
      onComplete: () => response.end(),
      onError: () => response.destroy(),
    },
  )
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
