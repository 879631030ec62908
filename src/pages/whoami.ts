import type { Decision } from '../gate/decision.js'
import { escapeHtml, page, pageHeaders } from './page.js'
import type { Answer } from './refusal-answer.js'

/** The caller's own certificate, identity and account, and what was decided, a refusal too. */
export function whoamiAnswer(decision: Decision): Answer {
  const html = decision.request.navigation
  const body = html ? whoamiPage(decision) : `${JSON.stringify(whoami(decision))}\n`
  return {
    status: decision.allowed ? 200 : decision.status,
    headers: {
      ...pageHeaders,
      'Content-Type': html ? 'text/html; charset=utf-8' : 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
      'X-Request-Id': decision.requestId,
    },
    body: decision.request.method === 'HEAD' ? '' : body,
  }
}

interface Whoami {
  readonly decision: 'allow' | 'refuse'
  readonly request_id: string
  readonly reason?: string
  readonly message?: string
  readonly remedy?: string
  readonly certificate?: Readonly<
    Record<'subject' | 'issuer' | 'serial' | 'sha256' | 'not_after' | 'trust', string>
  >
  readonly identity?: Readonly<Record<string, string>>
  readonly user?: { readonly id: string; readonly username: string }
}

function whoami(decision: Decision): Whoami {
  const { certificate, identity, user } = decision
  return {
    decision: decision.allowed ? 'allow' : 'refuse',
    request_id: decision.requestId,
    ...(decision.allowed
      ? {}
      : { reason: decision.code, message: decision.message, remedy: decision.remedy }),
    ...(certificate === null
      ? {}
      : {
          certificate: {
            subject: certificate.facts.subject,
            issuer: certificate.facts.issuer,
            serial: certificate.facts.serial,
            sha256: certificate.facts.sha256,
            not_after: new Date(certificate.facts.notAfter).toISOString(),
            trust: certificate.trust,
          },
        }),
    ...(identity === null
      ? {}
      : { identity: { rule: identity.rule, match: identity.match, value: identity.value } }),
    ...(user === null ? {} : { user: { id: user.id, username: user.username } }),
  }
}

function whoamiPage(decision: Decision): string {
  const told = whoami(decision)
  const title = decision.allowed ? 'Your certificate is accepted' : decision.message
  const sections = [
    section('Your certificate', told.certificate),
    section('What it says about you', told.identity),
    section('Your chat account', told.user),
    section('Decision', { decision: told.decision, reason: told.reason, request_id: told.request_id }),
  ]
  return page({
    title,
    main: `<h1>${escapeHtml(title)}</h1>
${told.remedy === undefined ? '' : `<p>${escapeHtml(told.remedy)}</p>\n`}${sections.join('')}`,
  })
}

const labels: Readonly<Record<string, string>> = {
  not_after: 'Valid until',
  request_id: 'Request id',
  id: 'User id',
  sha256: 'SHA-256',
}

function section(heading: string, values: Readonly<Record<string, string | undefined>> | undefined): string {
  if (values === undefined) return ''
  const rows = Object.entries(values)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([key, value]) => `<dt>${label(key)}</dt><dd>${escapeHtml(value)}</dd>`)
  return `<h2>${heading}</h2>\n<dl>\n${rows.join('\n')}\n</dl>\n`
}

function label(key: string): string {
  return labels[key] ?? key.charAt(0).toUpperCase() + key.slice(1)
}
