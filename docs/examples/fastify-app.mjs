// An application of one's own behind nginx, with Fastify: greets whoever the certificate names.
// Usage: node fastify-app.mjs CONFIG.yaml SOCKET
import Fastify from 'fastify'
import { loadConfig } from 'mattergate'
import { certificateGate } from 'mattergate/fastify'

const [configFile, socket] = process.argv.slice(2)

const app = Fastify()
await app.register(certificateGate, { config: await loadConfig(configFile) })

// A route is reached by allowed requests only: here everybody has shown a good certificate.
app.get('/', (request) => `Hello ${request.decision.identity.value}\n`)

await app.listen({ path: socket })
console.log(`listens on ${socket}`)

process.once('SIGTERM', () => app.close())
