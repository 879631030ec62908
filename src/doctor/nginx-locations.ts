import type { Config } from '../config/config.js'
import { type Directive, findDirectives } from './nginx-directives.js'

/** A block that hands requests to the gateway, with what holds there. */
export interface ProxyingLocation {
  /** `FILE:LINE location /path` */
  readonly where: string
  readonly server: Directive
  /** Lower-case header name → value, as nginx inherits them: a block's own replace all of the outer ones. */
  readonly headers: ReadonlyMap<string, string>
  readonly path: string
}

/** Every block whose `proxy_pass` leads to where the gateway listens, by its address or by an upstream's name. */
export function proxyingLocations(
  files: ReadonlyMap<string, readonly Directive[]>,
  config: Config,
): readonly ProxyingLocation[] {
  const all = [...files.values()].flat()
  const targets = targetsOf(all, config)
  // A site's file stands by itself in the dump: its servers are found wherever they were included.
  const includedHeaders = (directives: readonly Directive[]) => withIncluded(directives, files)
  const http = findDirectives(all, 'http')
  const outer = headersOf(
    http.flatMap(({ children }) => includedHeaders(children ?? [])),
    new Map(),
  )
  return findDirectives(all, 'server')
    .filter(({ children }) => children !== null)
    .flatMap((server) => {
      const own = headersOf(includedHeaders(server.children ?? []), outer)
      return below(server, server, own, '', targets, includedHeaders)
    })
}

type Include = (directives: readonly Directive[]) => readonly Directive[]

function below(
  server: Directive,
  block: Directive,
  headers: ReadonlyMap<string, string>,
  path: string,
  targets: ReadonlySet<string>,
  include: Include,
): ProxyingLocation[] {
  const children = include(block.children ?? [])
  const found = children
    .filter(({ name, args }) => name === 'proxy_pass' && targets.has(hostOf(args[0] ?? '')))
    .map(({ file, line }) => ({
      where: `${file}:${line} ${path === '' ? 'server' : path}`,
      server,
      headers,
      path,
    }))
  const inner = children.filter(({ name }) => name === 'location' || name === 'if' || name === 'limit_except')
  return [
    ...found,
    ...inner.flatMap((child) => {
      const own = headersOf(include(child.children ?? []), headers)
      const childPath = child.name === 'location' ? `location ${child.args.join(' ')}` : path
      return below(server, child, own, childPath, targets, include)
    }),
  ]
}

/** `proxy_set_header` is inherited only where a block has none of its own (ngx_http_proxy_module). */
function headersOf(
  directives: readonly Directive[],
  inherited: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const own = directives.filter(({ name }) => name === 'proxy_set_header')
  if (own.length === 0) return inherited
  return new Map(own.map(({ args: [name = '', value = ''] }) => [name.toLowerCase(), value]))
}

/** An included file of headers counts where it is included; globs are left out: nothing is known of their order. */
function withIncluded(
  directives: readonly Directive[],
  files: ReadonlyMap<string, readonly Directive[]>,
): readonly Directive[] {
  return directives.flatMap((directive) => {
    const included = directive.name === 'include' ? files.get(directive.args[0] ?? '') : undefined
    return included === undefined ? [directive] : withIncluded(included, files)
  })
}

function targetsOf(directives: readonly Directive[], { listen }: Config): ReadonlySet<string> {
  const addresses =
    listen.kind === 'socket'
      ? [`unix:${listen.path}`, `unix:${listen.path}:`]
      : listen.host === '127.0.0.1' || listen.host === 'localhost'
        ? [`127.0.0.1:${listen.port}`, `localhost:${listen.port}`]
        : [`${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`]
  const isOurs = (server: Directive) => addresses.includes(server.args[0] ?? '')
  const upstreams = findDirectives(directives, 'upstream').filter(({ children }) =>
    (children ?? []).some((child) => child.name === 'server' && isOurs(child)),
  )
  return new Set([...addresses, ...upstreams.map(({ args }) => args[0] ?? '')])
}

/** `http://unix:/run/x.sock:/` → `unix:/run/x.sock:`; `http://name/path` → `name` */
function hostOf(url: string): string {
  const rest = url.replace(/^https?:\/\//, '')
  if (rest.startsWith('unix:')) return /^unix:[^:]*:?/.exec(rest)?.[0] ?? rest
  return rest.split('/', 1)[0] ?? rest
}
