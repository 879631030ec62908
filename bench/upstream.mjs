// The upstream of every proxy measured: 1 KiB for /api/v4/bench; anything else is the stand-in's to answer.
import http from 'node:http'

const [, , standinUrl] = process.argv
const kibibyte = Buffer.alloc(1_024, 'x')

const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.url === '/api/v4/bench') {
    response.writeHead(200, [
      ...['Content-Type', 'application/octet-stream', 'Content-Length', '1024'],
      ...['X-Request-Id', 'ybndrfg8ejkmcpqxot1uwisza3', 'Vary', 'Accept-Encoding', 'Expires', '0'],
    ])
    response.end(kibibyte)
    return
  }
  if (standinUrl === undefined) {
    response.writeHead(404).end()
    return
  }
  const { method, headers } = request
  const onward = http.request(new URL(request.url, standinUrl), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers)
    answer.pipe(response)
  })
  onward.once('error', () => response.destroy())
  request.pipe(onward)
})
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
