import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Decision } from '../gate/decision.js'
import type { RequestFacts } from '../intake/facts.js'

/** A certificate is the same for all requests of a connection: read once. */
const certificates = new WeakMap<TLSSocket, Uint8Array | null>()

/** What Node knows of a request, in the gate's words. */
export function requestFacts(request: IncomingMessage): RequestFacts {
  const certificate = clientCertificate(request.socket)
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    rawHeaders: request.rawHeaders,
    peer: peerOf(request.socket),
    ...(certificate === null ? {} : { clientCertificate: certificate }),
  }
}

/**
 * Where Node took a request for an upgrade and the gate did not, or the other way round, each would hold
 * the other to have looked at it.
 */
export function readAlike(decision: Decision, nodeUpgrades: boolean): boolean {
  return (decision.request.upgrade !== null) === nodeUpgrades
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
