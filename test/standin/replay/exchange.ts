import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { parseResponse, type Received } from './compare.js'
import type { RecordedRequest } from './recording.js'

const foxLine = 'The quick brown fox.\n'

/** Sends a recorded request whose placeholders are filled in, and reads the whole answer. */
export async function exchange(
  sent: RecordedRequest,
  url: string,
  socketPath: string,
  channelId: string,
): Promise<Received> {
  if (sent.raw !== undefined) return parseResponse(await exchangeRaw(sent.raw, url))
  const body = bodyOf(sent, channelId)
  const headers: Record<string, string> = { 'User-Agent': 'recorder' }
  for (const [name, value] of Object.entries(sent.headers ?? {})) if (value !== null) headers[name] = value
  if (body !== null && headers['Transfer-Encoding'] === undefined)
    headers['Content-Length'] = String(body.length)
  const { hostname, port } = new URL(url)
  const target = sent.via === 'local socket' ? { socketPath } : { hostname, port }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ ...target, method: sent.method, path: sent.path, headers, agent: false })
    outgoing.on('error', reject)
    outgoing.on('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text })
      })
    })
    outgoing.end(body ?? undefined)
  })
}

/** Sends bytes as they are and reads until the server closes, or says that it waits for the body. */
function exchangeRaw(raw: string, url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(raw))
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (/^HTTP\/1\.1 100 .*\r\n\r\n$/s.test(text)) socket.destroy()
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}

/** Bodies that the recordings only describe are made again from their description. */
function bodyOf({ body, headers, path }: RecordedRequest, channelId: string): Buffer | null {
  if (typeof body === 'string' && /^\(\d+ bytes\)$/.test(body)) {
    return form(channelId, body === '(4439 bytes)' ? foxLine.repeat(200) : 'x'.repeat(2_097_152))
  }
  const isLimitTest = body === undefined && headers?.['Content-Type'] === 'application/json'
  if (isLimitTest && (path === '/api/v4/posts' || path === '/api/v4/users/me/patch')) {
    return Buffer.from(JSON.stringify({ message: 'x'.repeat(300_001), nickname: 'x'.repeat(300_001) }))
  }
  if (body === undefined) return null
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

function form(channelId: string, content: string): Buffer {
  const field = `--recorderboundary\r\nContent-Disposition: form-data; name="channel_id"\r\n\r\n${channelId}\r\n`
  const file = `--recorderboundary\r\nContent-Disposition: form-data; name="files"; filename="fox.txt"\r\nContent-Type: text/plain\r\n\r\n${content}\r\n`
  return Buffer.from(`${field}${file}--recorderboundary--\r\n`)
}
