import { chmod, lstat, readFile, unlink } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, ListenOptions, Server } from 'node:net'
import { connect, createServer as createProbe } from 'node:net'
import type { Config } from '../config/config.js'
import { ConfigError } from '../core/config-error.js'

/** The HTTP server with every bound set, before it listens. */
export async function createServer(
  config: Config,
  handler: http.RequestListener,
): Promise<http.Server | https.Server> {
  const options: http.ServerOptions = {
    maxHeaderSize: config.limits.headerBytes,
    headersTimeout: config.timeouts.headerMs,
    // The time for a whole request would end a long upload; slow bodies are bounded by idleness.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(config.timeouts.headerMs, 1_000),
    keepAliveTimeout: 75_000,
    // Joined duplicates are read from rawHeaders, where they still stand apart.
    insecureHTTPParser: false,
    // A missing Host is refused by the gate, which audits it.
    requireHostHeader: false,
  }
  const server =
    config.listen.tls === null
      ? http.createServer(options, handler)
      : https.createServer({ ...options, ...(await tlsOptions(config, config.listen.tls)) }, handler)
  // Node drops headers after the 2,000th silently: the proxy's could vanish behind a client's own.
  server.maxHeadersCount = 0
  server.maxConnections = config.limits.connections
  return server
}

async function tlsOptions(
  config: Config,
  files: { readonly certificate: string; readonly key: string },
): Promise<https.ServerOptions> {
  return {
    // Named in the handshake, so that a browser offers the certificates that can fit.
    ca: await Promise.all(config.trust.map((trust) => readFile(trust.ca))),
    cert: await readFile(files.certificate),
    key: await readFile(files.key),
    minVersion: 'TLSv1.2',
    // Asked, not required: whoever has none gets a page that says so. The verdict is the gate's, so
    // that the handshake does not refuse what the page could explain; it still proves the key is held.
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: 15_000,
    ALPNProtocols: ['http/1.1'],
  }
}

/**
 * New connections get the certificate and key that the files hold now, and are told of the authorities in
 * use now. Nothing happens to a server without TLS.
 *
 * @throws an error of the file system or of OpenSSL: the old ones stay
 */
export async function renewTls(server: http.Server | https.Server, config: Config): Promise<void> {
  if (!(server instanceof https.Server) || config.listen.tls === null) return
  server.setSecureContext(await tlsOptions(config, config.listen.tls))
}

/**
 * Makes sure that nobody listens where we are to: before store and audit are opened, since a second
 * process that was started by mistake must not touch what the first one writes. A socket left by a dead
 * process is removed.
 *
 * @throws ConfigError
 */
export async function claimAddress({ listen: where }: Config): Promise<void> {
  if (where.kind === 'socket') return removeDeadSocket(where.path)
  const probe = createProbe()
  await bind(probe, { host: where.host, port: where.port })
  await new Promise((resolve) => probe.close(resolve))
}

/** Binds where the configuration says. @throws ConfigError */
export async function listen(server: Server, config: Config): Promise<void> {
  const { listen: where } = config
  if (where.kind === 'tcp') return bind(server, { host: where.host, port: where.port, backlog: 1_024 })
  await bind(server, { path: where.path, backlog: 1_024 })
  await chmod(where.path, where.mode)
}

/** What people can open, for the log: an address or a socket's path. */
export function addressOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') return address ?? 'nowhere'
  return formatAddress(address)
}

function formatAddress({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(bindError(error, options))
    server.once('error', failed)
    server.listen(options, () => {
      server.off('error', failed)
      resolve()
    })
  })
}

const bindProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use: stop what listens there, or name another address',
  EADDRNOTAVAIL: 'is no address of this machine',
  EACCES: 'may not be listened on by this user',
  ENOENT: 'lies in a folder that does not exist: make it',
}

function bindError(error: Error, { path, host, port }: ListenOptions): Error {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const problem = bindProblems[code]
  return problem === undefined ? error : inTheWay(path ?? `${host ?? ''}:${port ?? ''}`, problem)
}

async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return null
    throw error
  })
  if (found === null) return
  if (!found.isSocket()) throw inTheWay(path, 'is in the way and is not a socket: remove it')
  if (await answers(path)) throw inTheWay(path, 'is in use: another mattergate listens there')
  await unlink(path)
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function inTheWay(path: string, problem: string): ConfigError {
  return new ConfigError([{ file: path, line: 1, column: 1, message: `listen: the address ${problem}` }])
}
