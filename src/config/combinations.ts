import { isTooWide, parseAddressRange } from './address-range.js'
import type { IssueList } from './issue-list.js'
import { findValues, type KeyPath, valueAt } from './key-path.js'
import { headersInUse, isProxyForm } from './proxy-headers.js'
import { parseSize } from './units.js'

/** Keys that are sound by themselves and do not go together. Looks at what is written, before defaults. */
export function checkCombinations(root: unknown, issues: IssueList): void {
  for (const check of [
    checkListen,
    checkTls,
    checkTrusted,
    checkHeaders,
    checkMultiline,
    checkNames,
    checkRevocation,
    checkAdmin,
    checkSizes,
    checkMetrics,
  ]) {
    check(root, issues)
  }
}

function checkListen(root: unknown, issues: IssueList): void {
  const [socket, host, port] = ['socket', 'host', 'port'].map((key) => isSet(root, ['listen', key]))
  if (socket === true && (host === true || port === true)) {
    issues.add(['listen', 'socket'], 'socket and host + port exclude each other: remove one of them')
  } else if (host !== port) {
    issues.add(['listen', host === true ? 'port' : 'host'], 'host and port go together: add this one')
  }
}

function checkTls(root: unknown, issues: IssueList): void {
  if (!isSet(root, ['listen', 'tls'])) return
  if (!isSet(root, ['listen', 'socket']) && !listensOnPort(root)) {
    issues.add(['listen', 'tls'], 'TLS needs an address that clients can reach: add host and port')
  }
  if (isSet(root, ['proxy'])) {
    issues.addKey(['proxy'], 'with listen.tls there is no proxy: remove this group, or listen.tls')
  }
  if (valueAt(root, ['listen', 'multilineHeader']) === true) {
    issues.add(['listen', 'multilineHeader'], 'with listen.tls no proxy sends a header: set it to false')
  }
}

function checkTrusted(root: unknown, issues: IssueList): void {
  const named = findValues(root, 'proxy.trusted.*')
  if (listensOnPort(root) && !isSet(root, ['listen', 'tls']) && named.length === 0) {
    issues.add(
      ['proxy', 'trusted'],
      'with host + port it must name who may connect: add the address of nginx, such as [127.0.0.1/32]',
    )
  }
  if (isSet(root, ['proxy', 'secretFile'])) return
  for (const { path, value } of named) {
    const range = typeof value === 'string' ? parseAddressRange(value) : null
    if (range !== null && isTooWide(range)) {
      issues.add(
        path,
        `${String(value)} lets everybody speak for the proxy: name its address, or add proxy.secretFile`,
      )
    }
  }
}

function checkHeaders(root: unknown, issues: IssueList): void {
  const form = valueAt(root, ['proxy', 'certificate']) ?? 'nginx'
  if (!isProxyForm(form)) return
  const [certificate, subject, verify] = ['certificateHeader', 'subjectHeader', 'verifyHeader'].map((key) =>
    valueAt(root, ['proxy', key]),
  )
  const names = headersInUse(form, {
    ...(typeof certificate === 'string' ? { certificateHeader: certificate } : {}),
    ...(typeof subject === 'string' || subject === null ? { subjectHeader: subject } : {}),
  })
  const uses = [
    ['certificateHeader', names.certificateHeader],
    ['certificateHeader', names.chainHeader],
    ['subjectHeader', names.subjectHeader],
    ['verifyHeader', verify],
  ] as const
  const seen = new Set<string>()
  for (const [key, name] of uses) {
    if (typeof name !== 'string') continue
    if (seen.has(name.toLowerCase()))
      issues.add(['proxy', key], `'${name}' is used for two things: choose another name`)
    seen.add(name.toLowerCase())
  }
}

/** Several lines in a header are nginx's own way, and are mended for it alone. */
function checkMultiline(root: unknown, issues: IssueList): void {
  const form = valueAt(root, ['proxy', 'certificate']) ?? 'nginx'
  if (valueAt(root, ['listen', 'multilineHeader']) !== true || form === 'nginx' || !isProxyForm(form)) return
  issues.add(
    ['listen', 'multilineHeader'],
    `goes with proxy.certificate: nginx alone: set it to false with ${form}`,
  )
}

function checkNames(root: unknown, issues: IssueList): void {
  const seen = new Set<unknown>()
  for (const { path, value } of findValues(root, 'trust.*.name')) {
    if (seen.has(value)) issues.add(path, `'${String(value)}' names two trusts: give each its own name`)
    seen.add(value)
  }
}

/** Where nothing says what a certificate's status is, nobody would ever be let in. */
function checkRevocation(root: unknown, issues: IssueList): void {
  for (const { path, value } of findValues(root, 'trust.*.revocation')) {
    const given = valueAt(value, ['mode'])
    const mode = typeof given === 'string' ? given : 'none'
    const listed = findValues(value, 'crl.*').length > 0
    const asks = findValues(value, 'fetch.allow.*').length > 0
    const responder = (valueAt(value, ['responder']) ?? null) !== null
    const add = (key: string, text: string) => issues.add([...path, key], text)
    if (mode === 'crl' || mode === 'ocsp-then-crl') {
      if (!listed && !asks)
        add(
          'crl',
          `is needed by mode: ${mode}: name the files, folders or URLs of your CRLs, or in fetch.allow the hosts that certificates may name`,
        )
    } else if (listed) {
      const instead = mode === 'none' ? 'crl' : 'ocsp-then-crl'
      add('mode', `is ${mode}, so that the CRLs are not looked at: set it to ${instead}, or remove them`)
    }
    if (mode === 'ocsp' || mode === 'ocsp-then-crl') {
      if (!responder && !asks)
        add(
          'responder',
          'is needed by OCSP: name the responder, or in fetch.allow the hosts that certificates may name',
        )
    } else if (responder) {
      add('mode', `is ${mode}, so that the responder is not asked: set it to ocsp, or remove responder`)
    }
  }
}

function checkAdmin(root: unknown, issues: IssueList): void {
  const server = valueAt(root, ['mattermost'])
  if (typeof server !== 'object' || server === null) return
  const admin: KeyPath = ['mattermost', 'admin']
  const [tokenFile, socket] = ['tokenFile', 'socket'].map((key) => isSet(root, [...admin, key]))
  const signIn = valueAt(server, ['signIn']) ?? 'access-token'
  if (!isSet(root, admin)) {
    if (signIn === 'access-token') {
      issues.add(
        admin,
        'is needed by signIn: access-token: add { tokenFile: … } or { socket: … }, or set signIn to none',
      )
    }
  } else if (tokenFile === socket) {
    issues.add(admin, 'takes exactly one of tokenFile and socket: keep one of them')
  }
}

function checkSizes(root: unknown, issues: IssueList): void {
  const header = sizeAt(root, 'headerBytes') ?? parseSize('64KiB')
  const certificate = sizeAt(root, 'certificateBytes') ?? parseSize('16KiB')
  if (header === null || certificate === null || certificate < header) return
  const key = isSet(root, ['limits', 'certificateBytes']) ? 'certificateBytes' : 'headerBytes'
  issues.add(
    ['limits', key],
    'the certificate is part of the header block: keep certificateBytes below headerBytes',
  )
}

/** A listener that is asked for and has no address would be left out silently. */
function checkMetrics(root: unknown, issues: IssueList): void {
  if (!isSet(root, ['metrics'])) return
  const [socket, host, port] = ['socket', 'host', 'port'].map((key) => isSet(root, ['metrics', key]))
  if (socket === true && (host === true || port === true)) {
    issues.add(['metrics', 'socket'], 'socket and host + port exclude each other: remove one of them')
  } else if (host !== port) {
    issues.add(['metrics', host === true ? 'port' : 'host'], 'host and port go together: add this one')
  } else if (socket === host) {
    issues.add(['metrics'], 'needs an address: add socket, or host and port, or remove the group')
  } else if (samePlace(root)) {
    issues.add(['metrics'], 'is the address of listen: give the metrics one of their own')
  }
}

/** Port 0 is another one each time. */
function samePlace(root: unknown): boolean {
  const same = (key: string) => valueAt(root, ['metrics', key]) === valueAt(root, ['listen', key])
  if (isSet(root, ['metrics', 'socket'])) return same('socket')
  return same('host') && same('port') && valueAt(root, ['metrics', 'port']) !== 0
}

function sizeAt(root: unknown, key: string): number | null {
  const text = valueAt(root, ['limits', key])
  return typeof text === 'string' ? parseSize(text) : null
}

/** Null counts as left out. */
function isSet(root: unknown, path: KeyPath): boolean {
  return (valueAt(root, path) ?? null) !== null
}

function listensOnPort(root: unknown): boolean {
  return isSet(root, ['listen', 'host']) || isSet(root, ['listen', 'port'])
}
