// The older generation, Mattermost 5.36, behind the whole gateway.
import { once } from 'node:events'
import { test } from 'tap'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.js'
import { escaped, publicUrl, type Running, startRunning } from '../support/running-gateway.js'

const older = { standin: { generation: '5.36' as const } }
const navigation = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document', Accept: 'text/html' }

function openWebsocket(running: Running): WebSocket {
  return new WebSocket(`ws+unix:${running.gateway.address}:/api/v4/websocket`, {
    headers: { Host: 'chat.example.com', Origin: publicUrl, 'X-SSL-Client-Cert': escaped(running.mmuser) },
  })
}

test('signs in, boots the web app, and keeps every credential to itself', async (t) => {
  const running = await startRunning(t, older)
  const page = await running.send({ path: '/', headers: navigation })
  t.equal(page.status, 200)
  t.match(page.headers['set-cookie']?.[0], /^MMUSERID=\w{26}; /)
  const me = await running.send({ headers: { Cookie: 'MMAUTHTOKEN=evil', Authorization: 'Bearer evil' } })
  t.match(JSON.parse(me.text), { username: 'mmuser' })
  t.notMatch(JSON.stringify(me.headers), /MMAUTHTOKEN|"token"/i)
  t.equal((await running.send({ path: '/api/v4/users/login', method: 'POST', body: '{}' })).status, 403)
})

test('a websocket is signed in at the upgrade, and ends when its user is deactivated', async (t) => {
  const running = await startRunning(t, {
    ...older,
    yaml: { mattermost: '{ url: "MATTERMOST", admin: { tokenFile: admin-token }, directoryCache: 1s }' },
  })
  const socket = openWebsocket(running)
  const [hello] = (await once(socket, 'message')) as [Buffer]
  t.match(hello.toString(), '"hello"')
  t.equal(running.standin.openSockets()[0]?.username, 'mmuser')
  const closed = once(socket, 'close')
  running.standin.deactivate('mmuser')
  t.equal((await closed)[0], 4403, 'on 5.36 it would go on by itself')
  t.equal((await running.send()).status, 403)
})

test('a token that the server no longer takes is replaced once, on plugin routes and websockets too', async (t) => {
  const running = await startRunning(t, {
    ...older,
    yaml: { mattermost: '{ url: "MATTERMOST", admin: { tokenFile: admin-token }, directoryCache: 1s }' },
  })
  t.equal((await running.send()).status, 200)
  running.standin.revokeAllTokens('mmuser')
  t.equal((await running.send()).status, 200)
  t.equal(running.standin.tokensOf('mmuser').filter(({ is_active }) => is_active).length, 1)
  const plugin = await running.send({ path: '/plugins/echo/x', headers: { Authorization: 'Bearer evil' } })
  t.equal(plugin.status, 200)
  const seen = running.standin.requests.find(({ target }) => target === '/plugins/echo/x')
  t.notMatch(JSON.stringify(seen?.rawHeaders), /evil/)
  const socket = openWebsocket(running)
  const [hello] = (await once(socket, 'message')) as [Buffer]
  t.match(hello.toString(), '"hello"')
  socket.terminate()
  t.equal(
    await eventually(
      () => running.standin.openSockets().length,
      (left) => left === 0,
    ),
    0,
  )
})
