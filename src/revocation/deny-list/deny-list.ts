import { Refusal } from '../../core/refusals.js'
import { distinguishedNameKey } from '../../x509/distinguished-name.js'
import type { CertificateFacts } from '../../x509/verified-certificate.js'
import { equivalentFingerprints } from './equivalent-fingerprints.js'
import { type DenyEntries, foldSerial, issuedSerial } from './parse.js'

/** Whoever a certificate or an account stands for: every name that is known of him. */
export interface DeniableNames {
  readonly usernames: readonly string[]
  readonly emails: readonly string[]
}

/** The operator's own word on certificates and people, before any revocation list. */
export class DenyList {
  readonly #entries: DenyEntries
  /** Issuers come in few texts, and each is parsed once. */
  readonly #issuerKeys = new Map<string, string | null>()

  constructor(entries: DenyEntries) {
    this.#entries = entries
  }

  /**
   * `certificate_revoked` where the certificate, its serial number or its key is named; null otherwise.
   *
   * @param der the certificate that the facts are of
   */
  certificateRefusal(facts: CertificateFacts, der: Uint8Array): Refusal | null {
    const { fingerprints, keys, serials, issuedSerials } = this.#entries
    if (fingerprints.has(facts.sha256)) return revoked('sha256')
    // Its holder can give it another ECDSA signature, and so another hash.
    if (fingerprints.size > 0 && equivalentFingerprints(der).some((hash) => fingerprints.has(hash))) {
      return revoked('sha256')
    }
    if (keys.has(facts.spkiSha256)) return revoked('spki')
    const serial = foldSerial(facts.serial)
    if (serial === null) throw new Error(`a serial number that is not hexadecimal: ${facts.serial}`)
    if (serials.has(serial)) return revoked('serial')
    if (issuedSerials.size === 0) return null
    const issuer = this.#issuerKey(facts.issuer)
    return issuer !== null && issuedSerials.has(issuedSerial(serial, issuer)) ? revoked('serial') : null
  }

  /** `not_allowed` where one of the names, or an address's domain, is named; null otherwise. */
  nameRefusal({ usernames, emails }: DeniableNames): Refusal | null {
    const { users, emails: addresses, domains } = this.#entries
    if (usernames.some((name) => users.has(name.toLowerCase()))) return denied('user')
    const folded = emails.map((email) => email.toLowerCase())
    if (folded.some((email) => addresses.has(email))) return denied('email')
    return folded.some((email) => domains.has(email.slice(email.lastIndexOf('@') + 1)))
      ? denied('domain')
      : null
  }

  #issuerKey(issuer: string): string | null {
    const known = this.#issuerKeys.get(issuer)
    if (known !== undefined) return known
    const key = distinguishedNameKey(issuer)
    this.#issuerKeys.set(issuer, key)
    return key
  }
}

function revoked(kind: string): Refusal {
  return new Refusal('certificate_revoked', { detail: `a ${kind} entry of the deny list names it` })
}

function denied(kind: string): Refusal {
  return new Refusal('not_allowed', { detail: `a ${kind} entry of the deny list names this account` })
}
