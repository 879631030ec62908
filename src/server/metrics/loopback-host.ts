import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'

/**
 * Whether the `Host` of a request names this listener. A page on the Internet whose name was made to point
 * at 127.0.0.1 (DNS rebinding) comes with its own name, and must read nothing here. Over a unix socket no
 * browser can come.
 *
 * @param configuredHost `metrics.host`; null: the listener is a unix socket
 */
export function isOwnHost(request: IncomingMessage, configuredHost: string | null): boolean {
  if (configuredHost === null) return true
  const hosts = request.headersDistinct.host ?? []
  const [host] = hosts
  if (host === undefined || hosts.length !== 1) return false
  const name = hostWithoutPort(host)
  return name !== null && (name === configuredHost.toLowerCase() || isLoopback(name))
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'))
}

/** `a:1` → `a`, `[::1]:1` → `::1`; null for what is neither. */
function hostWithoutPort(host: string): string | null {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@?#\s]+))(?::\d{1,5})?$/i.exec(host)
  return (found?.[1] ?? found?.[2])?.toLowerCase() ?? null
}
