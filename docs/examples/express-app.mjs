// An application of one's own behind nginx, with Express 4 or 5: greets whoever the certificate names,
// and keeps greeting him over a websocket.
// Usage: node express-app.mjs CONFIG.yaml SOCKET
import http from 'node:http'
import express from 'express'
import { loadConfig } from 'mattergate'
import { certificateGate } from 'mattergate/express'
import { WebSocketServer } from 'ws'

const [configFile, socket] = process.argv.slice(2)

const gate = certificateGate({ config: await loadConfig(configFile) })
await gate.ready

const app = express()
app.use(gate)
// What comes behind the gate is allowed: here everybody has shown a good certificate.
app.get('/', (request, response) => {
  response.type('text/plain').send(`Hello ${request.decision.identity.value}\n`)
})

const websockets = new WebSocketServer({ noServer: true })
const server = http.createServer(app)
// Upgrades never reach middleware: they are decided here, and handed on where they are allowed.
server.on('upgrade', (request, raw, head) => {
  void gate.upgrade(request, raw, head, () => {
    websockets.handleUpgrade(request, raw, head, (websocket) => {
      websocket.send(`Hello ${request.decision.identity.value}`)
    })
  })
})
server.listen(socket, () => console.log(`listens on ${socket}`))

process.once('SIGTERM', () => {
  for (const websocket of websockets.clients) websocket.close(1001)
  server.close(() => gate.close())
})
