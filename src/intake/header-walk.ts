/** Every header that a decision looks at, by what it is to us. */
export type HeaderRole =
  | 'certificate'
  | 'chain'
  | 'subject'
  | 'verify'
  | 'secret'
  | 'proxyRefusal'
  | 'host'
  | 'connection'
  | 'upgrade'
  | 'cookie'
  | 'authorization'
  | 'accept'
  | 'origin'
  | 'secFetchSite'
  | 'secFetchMode'
  | 'secFetchDest'
  | 'forwardedFor'
  | 'contentLength'
  | 'transferEncoding'

export type CollectedHeaders = Partial<Record<HeaderRole, string[]>>

const fixedRoles: Readonly<Record<string, HeaderRole>> = {
  'x-mattergate-proxy-secret': 'secret',
  'x-mattergate-proxy-refusal': 'proxyRefusal',
  host: 'host',
  connection: 'connection',
  'proxy-connection': 'connection',
  upgrade: 'upgrade',
  cookie: 'cookie',
  authorization: 'authorization',
  accept: 'accept',
  origin: 'origin',
  'sec-fetch-site': 'secFetchSite',
  'sec-fetch-mode': 'secFetchMode',
  'sec-fetch-dest': 'secFetchDest',
  'x-forwarded-for': 'forwardedFor',
  'content-length': 'contentLength',
  'transfer-encoding': 'transferEncoding',
}

/** Spellings of names whose role is kept: clients send few, an attacker may send any. */
const mostSpellings = 1_000

export interface CertificateHeaderNames {
  readonly certificateHeader: string
  /** Of the intermediates, where the form has a second header for them. */
  readonly chainHeader: string | null
  readonly subjectHeader: string | null
  readonly verifyHeader: string | null
}

/**
 * One walk over the raw headers. A name counts in its exact spelling, case aside: `X_SSL_Client_Cert` is
 * not the certificate header but a twin, which is not read here and not passed on later.
 */
export class HeaderWalk {
  readonly #roles: ReadonlyMap<string, HeaderRole>
  readonly #known = new Map<string, HeaderRole | null>()

  constructor(names: CertificateHeaderNames) {
    const roles = new Map<string, HeaderRole>(Object.entries(fixedRoles))
    roles.set(names.certificateHeader.toLowerCase(), 'certificate')
    if (names.chainHeader !== null) roles.set(names.chainHeader.toLowerCase(), 'chain')
    if (names.subjectHeader !== null) roles.set(names.subjectHeader.toLowerCase(), 'subject')
    if (names.verifyHeader !== null) roles.set(names.verifyHeader.toLowerCase(), 'verify')
    this.#roles = roles
  }

  collect(rawHeaders: readonly string[]): CollectedHeaders {
    const collected: CollectedHeaders = {}
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const role = this.#roleOf(rawHeaders[at] ?? '')
      if (role === null) continue
      const value = rawHeaders[at + 1] ?? ''
      const values = collected[role]
      if (values === undefined) collected[role] = [value]
      else values.push(value)
    }
    return collected
  }

  #roleOf(name: string): HeaderRole | null {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const role = this.#roles.get(name.toLowerCase()) ?? null
    if (this.#known.size >= mostSpellings) this.#known.clear()
    this.#known.set(name, role)
    return role
  }
}

/** The first value that is not empty; null where there is none: nginx drops empty headers, others send them. */
export function firstValue(values: readonly string[] | undefined): string | null {
  return values?.find((value) => value !== '') ?? null
}
