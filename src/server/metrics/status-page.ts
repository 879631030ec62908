import { escapeHtml, page } from '../../pages/page.js'
import type { Counts } from './counts.js'
import type { ReadinessReport } from './readiness.js'

/** What `/status` shows: counts, never the name of a person. */
export interface Status {
  readonly status: ReadinessReport['status']
  readonly reasons: ReadinessReport['reasons']
  readonly version: string
  readonly uptimeSeconds: number
  readonly requests: {
    readonly allowed: number
    readonly refused: number
    readonly refusedByCode: Readonly<Record<string, number>>
  }
  readonly websocketsOpen: number
  readonly signIns: number
  readonly auditWritable: boolean
  readonly lastReload: { readonly taken: boolean; readonly lastTakenAt: string }
}

export function describeStatus(
  report: ReadinessReport,
  counts: Readonly<Counts>,
  about: { readonly version: string; readonly uptimeSeconds: number },
): Status {
  const refusedByCode = Object.fromEntries(Object.entries(counts.refused).filter(([, value]) => value > 0))
  return {
    ...report,
    version: about.version,
    uptimeSeconds: Math.floor(about.uptimeSeconds),
    requests: {
      allowed: counts.allowed,
      refused: Object.values(refusedByCode).reduce((sum, value) => sum + value, 0),
      refusedByCode,
    },
    websocketsOpen: counts.websocketsOpen,
    signIns: counts.signIns,
    auditWritable: counts.auditWritable,
    lastReload: { taken: counts.reloadSucceeded, lastTakenAt: new Date(counts.reloadedAtMs).toISOString() },
  }
}

export function statusPage(status: Status): string {
  const { requests } = status
  const rows: readonly (readonly [string, string])[] = [
    ['Version', status.version],
    ['Running for', `${status.uptimeSeconds} s`],
    ['Allowed requests', String(requests.allowed)],
    ['Refused requests', String(requests.refused)],
    ...Object.entries(requests.refusedByCode).map(([code, value]) => [code, String(value)] as const),
    ['Open websockets', String(status.websocketsOpen)],
    ['Sign-ins', String(status.signIns)],
    ['Audit file', status.auditWritable ? 'can be written' : 'cannot be written'],
    ['Last reload', status.lastReload.taken ? 'taken' : 'refused, what ran goes on'],
    ['Configuration of', status.lastReload.lastTakenAt],
  ]
  const reasons = status.reasons.map(
    ({ code, message }) => `<p><code>${escapeHtml(code)}</code>: ${escapeHtml(message)}</p>`,
  )
  const list = rows.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
  const main = `<h1>mattergate is ${status.status}</h1>\n${reasons.join('\n')}\n<dl>${list.join('\n')}</dl>`
  return page({ title: `mattergate: ${status.status}`, main })
}
