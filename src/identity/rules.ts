import { Refusal } from '../core/refusals.js'
import type { VerifiedCertificate } from '../x509/verified-certificate.js'
import type { Identity } from './identity.js'
import { type IdentitySource, readValues } from './sources.js'

/** A line of `trust.identity`. */
export interface IdentityRule {
  readonly from: IdentitySource
  readonly match: 'email' | 'username'
  /** Matched against the whole value; its one capture is the value. Null: the value as it is. */
  readonly pattern: RegExp | null
}

/** What rules look at: everything that a verified certificate says. */
export type IdentifiedCertificate = Pick<VerifiedCertificate, 'facts' | 'trust'>

/** The longest value that is matched or believed, in characters. */
const longestValue = 256

/**
 * Whom the certificate names. The first rule that yields a value decides, later ones are not asked; two
 * different values of one rule are `identity_ambiguous`; a value outside its alphabet, or of another
 * string type than its field allows, is `identity_absent` at once: it would go into an administrator's
 * request.
 */
export function identify(
  rules: readonly IdentityRule[],
  certificate: IdentifiedCertificate,
): Identity | Refusal {
  for (const rule of rules) {
    const value = ruleValue(rule, certificate)
    if (value instanceof Refusal) return value
    if (value !== null) return { trust: certificate.trust, rule: rule.from, value, match: rule.match }
  }
  const detail = `no rule of trust ${certificate.trust} yields a value`
  return new Refusal('identity_absent', { detail })
}

function ruleValue(rule: IdentityRule, certificate: IdentifiedCertificate): string | Refusal | null {
  const found = readValues(rule.from, certificate.facts)
  const values = new Set<string>()
  for (const { text, allowedType } of found) {
    if (text === '') continue
    if (!allowedType) return ofWrongType(rule)
    if (text.length > longestValue || !isPrintableAscii(text)) return unusable(rule)
    const value = patternValue(rule.pattern, text)
    if (value === null) continue
    const folded = foldCase(value)
    if (!isInAlphabet(folded, rule.match)) return unusable(rule)
    values.add(folded)
  }
  if (values.size > 1) {
    return new Refusal('identity_ambiguous', {
      detail: `${rule.from} yields ${values.size} different values`,
    })
  }
  return values.values().next().value ?? null
}

/** What the pattern does not match is no value. */
function patternValue(pattern: RegExp | null, text: string): string | null {
  if (pattern === null) return text
  return pattern.exec(text)?.[1] ?? null
}

/** A–Z only: folding more would make different names equal. */
export function foldCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function isPrintableAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

/** Mattermost's own alphabets, less what could become part of another path. */
function isInAlphabet(value: string, match: IdentityRule['match']): boolean {
  if (match === 'username') return /^[a-z0-9._-]{1,64}$/.test(value) && value !== '.' && value !== '..'
  return value.length <= 128 && /^[^@/\\%?#;<>,"() ]+@[^@/\\%?#;<>,"() ]+$/.test(value)
}

function ofWrongType(rule: IdentityRule): Refusal {
  const detail = `${rule.from} stands in an ASN.1 string type that is not allowed there`
  return new Refusal('identity_absent', { detail })
}

function unusable(rule: IdentityRule): Refusal {
  const detail = `${rule.from} holds a value that cannot be a Mattermost ${rule.match}`
  return new Refusal('identity_absent', { detail })
}
