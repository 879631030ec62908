/**
 * Every way in which mattergate says no: one table from a stable code to its HTTP status, the sentence
 * that the caller reads, and what the caller can do next. `docs/refusals.md` is generated from it.
 */

/** The stages of a decision, in the order in which causes are named: the earliest one speaks. */
export const stages = [
  'peer',
  'request',
  'cross-site',
  'certificate',
  'path',
  'time',
  'usage',
  'key',
  'revocation',
  'subject',
  'identity',
  'policy',
  'account',
  'session',
  'upstream',
] as const

export type Stage = (typeof stages)[number]

export interface RefusalText {
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 431 | 500 | 502 | 503 | 504
  readonly stage: Stage
  /** What happened, for the person who is refused: one sentence. */
  readonly message: string
  /** What that person, or the administrator, can do about it: one or two sentences. */
  readonly remedy: string
}

const askAdministrator = 'Ask your administrator, and give the request id below.'
const tryAgain = 'Try again in a moment. If it lasts, tell your administrator the request id below.'

export const refusalTexts = {
  peer_untrusted: {
    status: 403,
    stage: 'peer',
    message: 'This connection did not come through the trusted proxy.',
    remedy:
      'Use the public address of the chat server. Administrators: see proxy.trusted and proxy.secretFile.',
  },
  proxy_unverified: {
    status: 403,
    stage: 'certificate',
    message: 'The web server in front could not verify your certificate.',
    remedy: 'Choose a certificate that your organisation issued, or ask your administrator.',
  },
  request_ambiguous: {
    status: 400,
    stage: 'request',
    message: 'The address of this request can be read in more than one way.',
    remedy: 'Use an address without dot segments, doubled slashes, backslashes or broken escapes.',
  },
  upgrade_refused: {
    status: 400,
    stage: 'request',
    message: 'This connection cannot be switched to another protocol here.',
    remedy: "Only websockets are forwarded, on Mattermost's websocket addresses and on plugins.",
  },
  method_refused: {
    status: 405,
    stage: 'request',
    message: 'This method is not accepted.',
    remedy: 'Use the methods that Mattermost knows, such as GET, POST, PUT and DELETE.',
  },
  not_found: {
    status: 404,
    stage: 'request',
    message: 'There is no such page on the certificate gateway.',
    remedy: 'Go back to the chat and try again from there.',
  },
  body_too_large: {
    status: 413,
    stage: 'request',
    message: 'What you sent is larger than this server accepts.',
    remedy: 'Send a smaller file. Administrators: see limits.bodyBytes.',
  },
  header_too_large: {
    status: 431,
    stage: 'request',
    message: 'The headers of this request are larger than this server accepts.',
    remedy: 'Delete the cookies of this site and try again. Administrators: see limits.headerBytes.',
  },
  cross_site: {
    status: 403,
    stage: 'cross-site',
    message: 'Another web site tried to act here in your name.',
    remedy: 'Open the chat from its own address. Administrators: see public.url and public.origins.',
  },
  certificate_malformed: {
    status: 400,
    stage: 'certificate',
    message: 'The certificate in this request cannot be read.',
    remedy: askAdministrator,
  },
  certificate_duplicated: {
    status: 400,
    stage: 'certificate',
    message: 'This request carries more than one certificate header.',
    remedy: askAdministrator,
  },
  certificate_missing: {
    status: 401,
    stage: 'certificate',
    message: 'No client certificate was sent.',
    remedy:
      'Install your certificate or insert your smart card, close the browser completely, open it again and choose the certificate when asked.',
  },
  chain_untrusted: {
    status: 403,
    stage: 'path',
    message: 'Your certificate was not issued by an authority that this server trusts.',
    remedy: 'Choose the certificate that your organisation issued for the chat, or ask your administrator.',
  },
  certificate_expired: {
    status: 403,
    stage: 'time',
    message: 'Your certificate has expired.',
    remedy: 'Ask the office that issued it for a new one.',
  },
  certificate_not_yet_valid: {
    status: 403,
    stage: 'time',
    message: 'Your certificate is not valid yet.',
    remedy: 'Wait until the date on which it begins, or ask the office that issued it.',
  },
  usage_unsuitable: {
    status: 403,
    stage: 'usage',
    message: 'Your certificate was not issued for signing in.',
    remedy: 'Choose the certificate that is meant for authentication, not for mail or signatures.',
  },
  constraint_violated: {
    status: 403,
    stage: 'usage',
    message: 'Your certificate breaks a rule that its issuer set.',
    remedy: askAdministrator,
  },
  key_too_weak: {
    status: 403,
    stage: 'key',
    message: 'The key of your certificate is too short to be safe.',
    remedy: 'Ask for a certificate with an RSA key of at least 2048 bits, or with an elliptic-curve key.',
  },
  algorithm_refused: {
    status: 403,
    stage: 'key',
    message: 'Your certificate uses a signature or key algorithm that is not accepted.',
    remedy:
      'Ask for a certificate signed with SHA-256 or stronger, with an RSA, P-256, P-384, P-521 or Ed25519 key.',
  },
  certificate_revoked: {
    status: 403,
    stage: 'revocation',
    message: 'Your certificate has been revoked.',
    remedy: 'Ask the office that issued it for a new one.',
  },
  revocation_unknown: {
    status: 503,
    stage: 'revocation',
    message: 'It cannot be found out at present whether your certificate has been revoked.',
    remedy: tryAgain,
  },
  subject_mismatch: {
    status: 403,
    stage: 'subject',
    message: 'The name sent beside your certificate is not the name in it.',
    remedy: askAdministrator,
  },
  identity_absent: {
    status: 403,
    stage: 'identity',
    message: 'Your certificate carries no name or e-mail address that this server can use.',
    remedy: 'Choose another certificate, or ask your administrator which field must be filled.',
  },
  identity_ambiguous: {
    status: 403,
    stage: 'identity',
    message: 'Your certificate does not point to exactly one account.',
    remedy: askAdministrator,
  },
  not_allowed: {
    status: 403,
    stage: 'policy',
    message: 'This is not allowed here.',
    remedy: askAdministrator,
  },
  user_unknown: {
    status: 403,
    stage: 'account',
    message: 'There is no chat account for your certificate.',
    remedy:
      'Ask your administrator to create the account, with the e-mail address or username in the certificate.',
  },
  user_deactivated: {
    status: 403,
    stage: 'account',
    message: 'Your chat account is deactivated.',
    remedy: 'Ask your administrator to activate it.',
  },
  user_is_bot: {
    status: 403,
    stage: 'account',
    message: 'The account for this certificate is a bot, and bots do not sign in with certificates.',
    remedy: askAdministrator,
  },
  mattermost_unavailable: {
    status: 503,
    stage: 'account',
    message: 'The chat server does not answer, so your account cannot be looked up.',
    remedy: tryAgain,
  },
  sign_in_unavailable: {
    status: 503,
    stage: 'session',
    message: 'You cannot be signed in at present.',
    remedy: tryAgain,
  },
  session_mismatch: {
    status: 403,
    stage: 'session',
    message: 'This session belongs to another certificate.',
    remedy: 'Delete the cookies of this site and try again.',
  },
  signed_out: {
    status: 401,
    stage: 'session',
    message: 'You have signed out.',
    remedy: 'Sign in again to go on.',
  },
  audit_unavailable: {
    status: 503,
    stage: 'upstream',
    message: 'The access log cannot be written, so nobody is let in.',
    remedy: tryAgain,
  },
  overloaded: {
    status: 503,
    stage: 'upstream',
    message: 'The server is busy.',
    remedy: tryAgain,
  },
  upstream_unreachable: {
    status: 502,
    stage: 'upstream',
    message: 'The chat server cannot be reached.',
    remedy: tryAgain,
  },
  upstream_timeout: {
    status: 504,
    stage: 'upstream',
    message: 'The chat server did not answer in time.',
    remedy: tryAgain,
  },
  internal: {
    status: 500,
    stage: 'upstream',
    message: 'Something went wrong in the certificate gateway.',
    remedy: tryAgain,
  },
} as const satisfies Record<string, RefusalText>

export type RefusalCode = keyof typeof refusalTexts

export interface RefusalNotes {
  /** For the operator's log, the audit's reason and `explain`; never shown to the caller. No secrets. */
  readonly detail?: string
  /** For the caller, in place of the table's remedy, where this case has a better one. */
  readonly remedy?: string
}

/** A returned value, never thrown: the caller lacks something, and that was to be expected. */
export class Refusal {
  readonly code: RefusalCode
  readonly detail: string | undefined
  readonly #remedy: string | undefined

  constructor(code: RefusalCode, notes: RefusalNotes = {}) {
    this.code = code
    this.detail = notes.detail
    this.#remedy = notes.remedy
  }

  get status(): number {
    return refusalTexts[this.code].status
  }

  get stage(): Stage {
    return refusalTexts[this.code].stage
  }

  get message(): string {
    return refusalTexts[this.code].message
  }

  get remedy(): string {
    return this.#remedy ?? refusalTexts[this.code].remedy
  }
}

/** Which of two refusals speaks: the one whose cause comes first. */
export function earlier(a: Refusal, b: Refusal): Refusal {
  return stages.indexOf(b.stage) < stages.indexOf(a.stage) ? b : a
}
