import type { AuditEvent } from '../audit/event.js'
import type { Identity } from '../identity/identity.js'
import type { ReadRequest } from '../intake/facts.js'
import type { MattermostUser } from '../mattermost/user.js'
import type { GatewaySession } from '../sessions/session-book.js'
import type { VerifiedCertificate } from '../x509/verified-certificate.js'

/** What is known of a request when an event is written: null where it was not established. */
export interface Subject {
  readonly requestId: string
  readonly request: ReadRequest
  readonly certificate: VerifiedCertificate | null
  readonly identity: Identity | null
  readonly user: MattermostUser | null
  readonly session: { readonly driver: string; readonly record: GatewaySession } | null
}

/** The fields that every event about a request has; absent ones are left out. */
export function requestFields(subject: Subject): Omit<AuditEvent, 'event'> {
  const { request, certificate, identity, user, session } = subject
  return {
    requestId: subject.requestId,
    peer: request.peer,
    ...(request.clientIp === null ? {} : { clientIp: request.clientIp }),
    // Both are empty where the parser refused what came.
    ...(request.method === '' ? {} : { method: request.method, path: request.path.raw }),
    ...(certificate === null ? {} : { certificate: certificateFields(certificate) }),
    ...(identity === null ? {} : { identity: identityFields(identity) }),
    ...(user === null ? {} : { user: { id: user.id, username: user.username } }),
    ...(session === null ? {} : { session: { driver: session.driver, id: session.record.id } }),
  }
}

export function identityFields({ match, value, rule }: Identity): NonNullable<AuditEvent['identity']> {
  return { [match]: value, rule }
}

export function certificateFields(certificate: VerifiedCertificate): NonNullable<AuditEvent['certificate']> {
  const { serial, sha256, subject, issuer, notAfter } = certificate.facts
  return {
    serial,
    sha256,
    subject,
    issuer,
    notAfter: new Date(notAfter).toISOString(),
    trust: certificate.trust,
  }
}
