// Takes every websocket, and answers a close frame with one: the upstream of bench/revocation-sweep.mjs.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'

const server = createServer((_request, response) => response.end('ok'))
server.on('upgrade', ({ headers }, socket) => {
  const accept = createHash('sha1')
    .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.on('data', (data) => {
    if ((data[0] & 0x0f) === 0x08) socket.end(Buffer.from([0x88, 0x00]))
  })
  socket.on('error', () => socket.destroy())
})
server.listen(0, '127.0.0.1', () => process.send({ what: 'listens', port: server.address().port }))
