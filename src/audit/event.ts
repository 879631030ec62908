import { escapeUnsafe } from './printable.js'

export type AuditEventName =
  | 'sign_in'
  | 'request'
  | 'refuse'
  | 'fault'
  | 'websocket_end'
  | 'session_end'
  | 'token'
  | 'reload'
  | 'start'
  | 'stop'

/**
 * What happened, as its caller knows it; the log adds `time`, `seq`, `prev` and `hash`. Absent fields
 * are left out of the line. No field may hold a token, a cookie, a query or a body.
 */
export interface AuditEvent {
  readonly event: AuditEventName
  readonly requestId?: string
  readonly decision?: 'allow' | 'refuse'
  /** A refusal's code, or another constant word. */
  readonly reason?: string
  /** The address that connected, or `unix`. */
  readonly peer?: string
  readonly clientIp?: string
  readonly method?: string
  /** Without its query; what follows a `?` is cut off here too. */
  readonly path?: string
  readonly certificate?: {
    /** As `openssl x509 -serial` prints it. */
    readonly serial: string
    /** Of the DER, lower-case hexadecimal. */
    readonly sha256: string
    /** RFC 4514 text, as the issuer is. */
    readonly subject: string
    readonly issuer: string
    /** ISO 8601. */
    readonly notAfter: string
    readonly trust: string
  }
  readonly identity?: { readonly email?: string; readonly username?: string; readonly rule: string }
  /** The username is left out where only the id is at hand. */
  readonly user?: { readonly id: string; readonly username?: string }
  readonly session?: { readonly driver: string; readonly id: string }
  readonly websocket?: {
    /** The close code. */
    readonly code: number
    readonly durationMs: number
    readonly bytesIn: number
    readonly bytesOut: number
  }
}

/** What the log adds to an event. */
export interface Stamp {
  /** Milliseconds since 1970. */
  readonly timeMs: number
  readonly seq: number
  /** The hash of the line before; null: the lines are not chained. */
  readonly prev: string | null
}

/** Longest strings that are written whole, in UTF-16 units; a longer one ends in `…+N`, N units cut off. */
const pathLimit = 2_048
const nameLimit = 1_024
const wordLimit = 256

/**
 * The event as JSON text on one line, without line feed, blanks between tokens or `hash`. Control
 * characters, line separators, bidirectional controls and lone surrogates stand there as `\uXXXX`,
 * so that neither a terminal nor a reader of lines is fooled by what a certificate or a path says.
 */
export function serializeEvent(event: AuditEvent, stamp: Stamp): string {
  const { certificate, identity, user, session, websocket } = event
  return escapeUnsafe(
    JSON.stringify({
      time: new Date(stamp.timeMs).toISOString(),
      seq: stamp.seq,
      event: event.event,
      requestId: word(event.requestId),
      decision: event.decision,
      reason: word(event.reason),
      peer: word(event.peer),
      clientIp: word(event.clientIp),
      method: word(event.method),
      path: event.path === undefined ? undefined : bounded(withoutQuery(event.path), pathLimit),
      certificate: certificate && certificateFields(certificate),
      identity: identity && {
        email: word(identity.email),
        username: word(identity.username),
        rule: word(identity.rule),
      },
      user: user && { id: word(user.id), username: word(user.username) },
      session: session && { driver: word(session.driver), id: word(session.id) },
      websocket: websocket && websocketFields(websocket),
      prev: stamp.prev ?? undefined,
    }),
  )
}

function certificateFields(certificate: NonNullable<AuditEvent['certificate']>) {
  return {
    serial: word(certificate.serial),
    sha256: word(certificate.sha256),
    subject: bounded(certificate.subject, nameLimit),
    issuer: bounded(certificate.issuer, nameLimit),
    notAfter: word(certificate.notAfter),
    trust: word(certificate.trust),
  }
}

function websocketFields({ code, durationMs, bytesIn, bytesOut }: NonNullable<AuditEvent['websocket']>) {
  return { code, durationMs, bytesIn, bytesOut }
}

function word(text: string | undefined): string | undefined {
  return text === undefined ? undefined : bounded(text, wordLimit)
}

function bounded(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}…+${text.length - limit}`
}

function withoutQuery(path: string): string {
  const query = path.indexOf('?')
  return query === -1 ? path : path.slice(0, query)
}
