import type { RefusalCode } from '../core/refusals.js'
import { refusalTexts } from '../core/refusals.js'
import { escapeHtml, page, pageHeaders } from './page.js'

/** What a caller is told; the same fields whether a decision or a fault is behind it. */
export interface RefusalToTell {
  readonly code: RefusalCode
  readonly status: number
  readonly message: string
  readonly remedy: string
  readonly requestId: string
  /** With a 503: when to try again; 5 seconds unless said otherwise. */
  readonly retryAfterSeconds?: number
}

/** How the caller understands it. */
export interface Audience {
  readonly method: string
  readonly decodedPath: string
  readonly navigation: boolean
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Empty for HEAD. */
  readonly body: string
}

const defaultRetryAfterSeconds = 5

/** Mattermost's error shape under /api/, a page for a browser's navigation, otherwise a line of text. */
export function refusalAnswer(refusal: RefusalToTell, audience: Audience): Answer {
  const { contentType, body, headers } = inForm(refusal, audience)
  return {
    status: refusal.status,
    headers: {
      'Content-Type': contentType,
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      'X-Request-Id': refusal.requestId,
      ...(refusal.status === 503
        ? { 'Retry-After': String(refusal.retryAfterSeconds ?? defaultRetryAfterSeconds) }
        : {}),
      ...headers,
    },
    body: audience.method === 'HEAD' ? '' : body,
  }
}

interface Form {
  readonly contentType: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

function inForm(refusal: RefusalToTell, audience: Audience): Form {
  if (audience.decodedPath.startsWith('/api/')) {
    return { contentType: 'application/json', body: mattermostError(refusal), headers: noSniff }
  }
  if (audience.navigation) {
    return { contentType: 'text/html; charset=utf-8', body: refusalPage(refusal), headers: pageHeaders }
  }
  return {
    contentType: 'text/plain; charset=utf-8',
    body: `${refusal.message} ${refusal.remedy} (${refusal.code}, request ${refusal.requestId})\n`,
    headers: noSniff,
  }
}

const noSniff = { 'X-Content-Type-Options': 'nosniff' }

/** The shape of Mattermost's own errors, so that its clients show the message (contract rule 2). */
function mattermostError(refusal: RefusalToTell): string {
  return JSON.stringify({
    id: `mattergate.${refusal.code}`,
    message: `${refusal.message} ${refusal.remedy}`,
    detailed_error: '',
    request_id: refusal.requestId,
    status_code: refusal.status,
  })
}

function refusalPage(refusal: RefusalToTell): string {
  const again = refusalTexts[refusal.code].status === 503 || refusal.code === 'certificate_missing'
  return page({
    title: refusal.message,
    main: `<h1>${escapeHtml(refusal.message)}</h1>
<p>${escapeHtml(refusal.remedy)}</p>
${again ? '<p><a href="/">Try again</a></p>\n' : ''}<dl>
<dt>Code</dt><dd><code>${refusal.code}</code></dd>
<dt>Request id</dt><dd><code>${escapeHtml(refusal.requestId)}</code></dd>
</dl>`,
  })
}
