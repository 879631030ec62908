import { meetsLoopback, parseAddressRange } from './address-range.js'
import type { Config } from './config.js'
import type { IssueList } from './issue-list.js'
import { isLoopbackOrigin } from './origin.js'
import { nestsRepetition } from './pattern.js'

/** What is sound, and is yet worth a second look. Shown at start and by check-config. */
export function warn(config: Omit<Config, 'warnings'>, issues: IssueList): void {
  warnLoopback(config, issues)
  warnOpenSocket(config, issues)
  if (config.public.url.startsWith('http:') && !isLoopbackOrigin(config.public.url)) {
    issues.warn(['public', 'url'], 'is http: what people send can be read on the way, use https')
  }
  for (const [at, trust] of config.trust.entries()) {
    if (trust.require.minRsaBits < 2_048) {
      issues.warn(
        ['trust', at, 'require', 'minRsaBits'],
        'RSA keys below 2048 bits can be broken: reissue those certificates, then remove this key',
      )
    }
    for (const [position, { pattern }] of trust.identity.entries()) {
      if (pattern === null || !nestsRepetition(pattern.source)) continue
      issues.warn(
        ['trust', at, 'identity', position, 'pattern'],
        'repeats a group that repeats itself: some certificates could keep the gateway busy for very long, write it without',
      )
    }
  }
}

function warnLoopback(config: Omit<Config, 'warnings'>, issues: IssueList): void {
  if (config.listen.kind !== 'tcp' || config.listen.tls !== null || config.proxy.secretFile !== null) return
  for (const [at, text] of config.proxy.trusted.entries()) {
    const range = parseAddressRange(text)
    if (range === null || !meetsLoopback(range)) continue
    issues.warn(
      ['proxy', 'trusted', at],
      'every process of this machine may speak for the proxy: listen on a unix socket, or add proxy.secretFile',
    )
  }
}

function warnOpenSocket({ listen, proxy }: Omit<Config, 'warnings'>, issues: IssueList): void {
  if (listen.kind !== 'socket' || (listen.mode & 0o002) === 0 || proxy.secretFile !== null) return
  issues.warn(
    ['listen', 'mode'],
    'every process of this machine may speak for the proxy: use "0660" and a group, or add proxy.secretFile',
  )
}
