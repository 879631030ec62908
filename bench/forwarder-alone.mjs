// mattergate's routes, hygiene and forwarder with a decision that is already there: no gate.
import Fastify from 'fastify'
import { systemClock } from '../dist/core/clock.js'
import { registerForwarding } from '../dist/proxy/forward-route.js'
import { HeaderHygiene } from '../dist/proxy/header-hygiene.js'
import { HttpForwarder } from '../dist/proxy/http-forwarder.js'
import { UpstreamPool } from '../dist/proxy/upstream-pool.js'

const [, , upstream] = process.argv
const session = { userId: 'user', authorization: () => 'Bearer ybndrfg8ejkmcpqxot1uwisza3' }
const allowed = {
  allowed: true,
  requestId: 'ybndrfg8ejkmcpqxot1uwisza3',
  request: {
    method: 'GET',
    path: { raw: '/api/v4/bench', decoded: '/api/v4/bench', query: null },
    clientIp: '192.0.2.1',
  },
  forwarding: {
    session,
    removeAuthorization: true,
    removeCredentials: true,
    removeAnswerCredentials: true,
    makePrivate: true,
    addCookies: [],
  },
}
const forwarder = new HttpForwarder({
  pool: new UpstreamPool({ url: upstream, connectTimeoutMs: 5_000, answerTimeoutMs: 600_000 }),
  hygiene: new HeaderHygiene({
    publicUrl: 'https://chat.example.com',
    certificateHeader: 'X-SSL-Client-Cert',
    subjectHeader: 'X-SSL-Client-Cert-Subject-DN',
    verifyHeader: null,
    ownCookieName: '__Host-mattergate',
  }),
  bodyBytes: 1_073_741_824,
  clientIdleMs: 60_000,
  watch: { answered: () => undefined, failed: () => undefined },
  refuse: (response) => response.writeHead(500).end(),
  fault: (error) => console.error(error),
  clock: systemClock,
  onFinish: null,
})
const app = Fastify()
await registerForwarding(app, { upstream, forwarder, decisionOf: () => allowed })
await app.listen({ host: '127.0.0.1', port: 0 })
process.send(app.server.address().port)
