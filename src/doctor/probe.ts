import https from 'node:https'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'
import { reasonOf } from './finding.js'

/** Where to connect in place of what the URL's name leads to, as curl's --connect-to. */
export interface ConnectTo {
  readonly host: string
  readonly port: number
}

export interface ProbeAnswer {
  readonly status: number
  readonly body: string
  /** Why the server's own certificate is not one to trust; null: it is. */
  readonly untrusted: string | null
}

export interface ProbeRequest {
  readonly url: string
  readonly connectTo: ConnectTo | null
  /** The name in the handshake, where it is not the URL's. */
  readonly serverName?: string
  readonly headers?: Readonly<Record<string, string>>
}

const timeoutMs = 5_000
const mostBytes = 65_536

/**
 * One GET, as a stranger would send it: no credential goes with it, so that the server's certificate need
 * not be one to trust.
 *
 * @throws Error of the network, also after five seconds
 */
export function probe({ url, connectTo, serverName, headers = {} }: ProbeRequest): Promise<ProbeAnswer> {
  const { hostname, host, port, pathname } = new URL(url)
  const name = serverName ?? hostname.replace(/^\[(.*)\]$/, '$1')
  return new Promise((resolve, reject) => {
    const request = https.request({
      host: connectTo?.host ?? hostname.replace(/^\[(.*)\]$/, '$1'),
      port: connectTo?.port ?? (port === '' ? 443 : Number(port)),
      path: pathname,
      // RFC 6066 §3: an address is no name.
      servername: isIP(name) === 0 ? name : '',
      ...{ agent: false, rejectUnauthorized: false, headers: { Host: host, ...headers } },
    })
    request.setTimeout(timeoutMs, () => request.destroy(new Error('no answer within 5 s')))
    request.once('error', reject)
    request.once('response', (response) => {
      const { socket } = response
      const untrusted =
        socket instanceof TLSSocket && !socket.authorized ? reasonOf(socket.authorizationError) : null
      let body = ''
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => {
        body += chunk
        if (body.length > mostBytes) response.destroy()
      })
      response.once('error', reject)
      response.once('close', () => resolve({ status: response.statusCode ?? 0, body, untrusted }))
    })
    request.end()
  })
}
