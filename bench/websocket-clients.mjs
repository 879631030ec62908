// Opens a websocket for each certificate and tells when they were closed: SOCKET USERS.json.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

const [, , socketPath, usersFile] = process.argv
const users = JSON.parse(readFileSync(usersFile, 'utf8'))
const atOnce = 64
const codes = {}
let open = 0
let closed = 0
let lastAt = 0
let wanted = Number.POSITIVE_INFINITY

function noteClosed(code) {
  codes[code] = (codes[code] ?? 0) + 1
  open -= 1
  closed += 1
  lastAt = Date.now()
  tell()
}

function tell() {
  // Whoever is closed without being meant would show a little later.
  if (closed === wanted)
    setTimeout(() => process.send({ what: 'closed', lastAt, codes, open }), 1_000).unref()
}

function openOne(certificate) {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    let isOpen = false
    let isClosed = false
    socket.write(
      `GET /api/v4/websocket HTTP/1.1\r\nHost: chat.example.com\r\nOrigin: https://chat.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nX-SSL-Client-Cert: ${certificate}\r\n\r\n`,
    )
    socket.on('error', reject)
    socket.on('data', (data) => {
      if (!isOpen) {
        if (!data.toString('latin1').startsWith('HTTP/1.1 101')) reject(new Error(data.toString()))
        isOpen = true
        open += 1
        resolve()
      } else if (!isClosed && data[0] === 0x88) {
        isClosed = true
        noteClosed(data.length >= 4 ? data.readUInt16BE(2) : 1005)
        socket.end()
      }
    })
    socket.on('close', () => {
      if (isOpen && !isClosed) noteClosed(1006)
    })
  })
}

process.on('message', (message) => {
  wanted = message.wanted
  tell()
})
const waiting = users.values()
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (const user of waiting) await openOne(user)
  }),
)
process.send({ what: 'opened' })
