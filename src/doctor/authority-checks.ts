import type { TrustStore } from '../x509/trust-store.js'
import { trustWarnings } from '../x509/trust-warnings.js'
import { type Finding, fail, ok, warn } from './finding.js'

const soonMs = 30 * 86_400_000

/** The authorities of every trust: their ends, keys and versions. */
export function checkAuthorities(store: TrustStore, now: number): Finding[] {
  const findings = [...unsound(store, now), ...endingSoon(store, now)]
  if (findings.length > 0) return findings
  const ends = store.trusts.flatMap(({ anchors, intermediates }) =>
    [...anchors, ...intermediates].map(({ facts }) => facts.notAfter),
  )
  return [ok('authorities', `${ends.length} certificates, valid until ${day(Math.min(...ends))} at least`)]
}

function unsound(store: TrustStore, now: number): Finding[] {
  return trustWarnings(store, now).map(({ trust, role, subject, problem, message }) => {
    const text = `trust ${trust}: ${role} ${subject}: ${message}`
    const leadsNowhere = problem === 'key_too_weak' || problem === 'algorithm_refused'
    return leadsNowhere || problem === 'expired'
      ? fail('authorities', text, `replace it: put the new certificate into the file of trust ${trust}`)
      : warn('authorities', text, 'have it reissued, or make sure that it is what you meant')
  })
}

function endingSoon(store: TrustStore, now: number): Finding[] {
  return store.trusts.flatMap(({ name, anchors, intermediates }) =>
    [...anchors, ...intermediates]
      .filter(({ facts }) => facts.notAfter >= now && facts.notAfter < now + soonMs)
      .map(({ facts }) =>
        warn(
          'authorities',
          `trust ${name}: ${facts.subject} ends on ${day(facts.notAfter)}`,
          'renew it before that day',
        ),
      ),
  )
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
