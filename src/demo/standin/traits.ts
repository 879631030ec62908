/** The generations of Mattermost that the stand-in can be: 5.36.1 and 11.2.0 as measured. */
export type Generation = '5.36' | '11'

/** In what the generations differ. Each row is a line of contract.md, "Differences between versions". */
export interface Traits {
  readonly generation: Generation
  readonly version: string
  /** X-Content-Type-Options, Referrer-Policy and Permissions-Policy stand on every routed answer. */
  readonly securityHeaders: boolean
  readonly notFoundType: string
  readonly maxTargetLength: number
  readonly maxJsonBytes: number
  readonly minPasswordLength: number
  readonly clearsCookieOnFailedCsrf: boolean
  readonly sameSiteForEmbedding: boolean
  readonly originAgainst: 'site-url' | 'host'
  readonly checksHandshakeKey: boolean
  readonly closesLongFrames: boolean
  /** Ends a socket whose credential died within the first five seconds of its life. */
  readonly dropsSilentYoungSockets: boolean
  /** A deactivated user's access token goes on while a socket that it signed in is open. */
  readonly openSocketSavesToken: boolean
  /** A hello names the connection, so that it may be taken up again. */
  readonly namesConnections: boolean
  readonly configNeedsFormat: boolean
  readonly pagePolicy: string
  readonly pageType: string
  readonly pageIsFile: boolean
  readonly pageWrongMethod: 404 | 405
  readonly pageHead: 200 | 405
  readonly fileCacheControl: string
  readonly fileErrorsDropCaching: boolean
}

const now: Traits = {
  generation: '11',
  version: '11.2.0',
  securityHeaders: true,
  notFoundType: 'application/json',
  maxTargetLength: 2048,
  maxJsonBytes: 300_000,
  minPasswordLength: 8,
  clearsCookieOnFailedCsrf: true,
  sameSiteForEmbedding: true,
  originAgainst: 'site-url',
  checksHandshakeKey: true,
  closesLongFrames: true,
  dropsSilentYoungSockets: true,
  openSocketSavesToken: false,
  namesConnections: true,
  configNeedsFormat: false,
  pagePolicy: "frame-ancestors 'self' ; script-src 'self'",
  pageType: 'text/html',
  pageIsFile: false,
  pageWrongMethod: 404,
  pageHead: 200,
  fileCacheControl: 'private, max-age=86400',
  fileErrorsDropCaching: true,
}

const then: Traits = {
  generation: '5.36',
  version: '5.36.1',
  securityHeaders: false,
  notFoundType: 'text/plain; charset=utf-8',
  maxTargetLength: Number.POSITIVE_INFINITY,
  maxJsonBytes: Number.POSITIVE_INFINITY,
  minPasswordLength: 10,
  clearsCookieOnFailedCsrf: false,
  sameSiteForEmbedding: false,
  originAgainst: 'host',
  checksHandshakeKey: false,
  closesLongFrames: false,
  dropsSilentYoungSockets: false,
  openSocketSavesToken: true,
  namesConnections: false,
  configNeedsFormat: true,
  pagePolicy: "frame-ancestors 'self'; script-src 'self' cdn.rudderlabs.com",
  pageType: 'text/html; charset=utf-8',
  pageIsFile: true,
  pageWrongMethod: 405,
  pageHead: 405,
  fileCacheControl: 'private, no-cache',
  fileErrorsDropCaching: false,
}

export const traitsOf: Readonly<Record<Generation, Traits>> = { '5.36': then, '11': now }
