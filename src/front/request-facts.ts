import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { RequestFacts } from '../intake/facts.js'

/** A certificate is the same for all requests of a connection: read once. */
const certificates = new WeakMap<TLSSocket, Uint8Array | null>()

/**
 * What Node knows of a request, in the gate's words.
 *
 * @param target as it stood in the request line, where whoever calls has changed `request.url`
 */
export function requestFacts(request: IncomingMessage, target = request.url ?? ''): RequestFacts {
  const certificate = clientCertificate(request.socket)
  return {
    method: request.method ?? '',
    target,
    rawHeaders: request.rawHeaders,
    peer: peerOf(request.socket),
    ...(certificate === null ? {} : { clientCertificate: certificate }),
  }
}

/** Over a unix socket there is no address. */
export function peerOf(socket: Socket): RequestFacts['peer'] {
  const address = socket.remoteAddress
  return address === undefined ? { socket: true } : { address }
}

function clientCertificate(socket: Socket): Uint8Array | null {
  if (!(socket instanceof TLSSocket)) return null
  const known = certificates.get(socket)
  if (known !== undefined) return known
  const certificate = socket.getPeerX509Certificate()?.raw ?? null
  certificates.set(socket, certificate)
  return certificate
}
