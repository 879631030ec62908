// @fastify/http-proxy as it comes; only the certificate header is dropped, as the others do.
import httpProxy from '@fastify/http-proxy'
import Fastify from 'fastify'

const [, , upstream] = process.argv
const app = Fastify()
await app.register(httpProxy, {
  upstream,
  undici: { connections: 512 },
  replyOptions: {
    rewriteRequestHeaders: (_request, headers) => ({ ...headers, 'x-ssl-client-cert': undefined }),
  },
})
await app.listen({ host: '127.0.0.1', port: 0 })
process.send(app.server.address().port)
