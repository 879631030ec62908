import type { ParsedCertificate } from '../../x509/certificate.js'
import { type SignatureOutcome, verifySignature } from '../../x509/signature.js'
import { newHashKey } from './keyed-hash.js'
import { type CrlHead, parseCrlHead } from './parse-crl.js'
import { RevokedEntries, scanEntries } from './revoked-entries.js'

/** A list of revoked certificates, read whole. What it says counts once its signature was verified. */
export class Crl {
  readonly head: CrlHead
  readonly entries: RevokedEntries
  /** The file or URL that it came from. */
  readonly source: string
  readonly #der: Uint8Array
  readonly #outcomes = new Map<string, Promise<SignatureOutcome>>()

  constructor(der: Uint8Array, source: string, head: CrlHead, entries: RevokedEntries) {
    this.#der = der
    this.source = source
    this.head = head
    this.entries = entries
  }

  /** Nothing may be concluded from a list with what is critical and not known (RFC 5280 §5.2, §5.3). */
  get isUnderstood(): boolean {
    return !this.head.hasUnknownCritical && !this.entries.hasUnknownCritical
  }

  /** Once for each key, however often it is asked. */
  verify({ facts, publicKey }: ParsedCertificate): Promise<SignatureOutcome> {
    const known = this.#outcomes.get(facts.spkiSha256)
    if (known !== undefined) return known
    const { tbs, signature, signatureAlgorithm } = this.head
    const message = this.#der.subarray(tbs.start, tbs.end)
    const outcome = verifySignature(signatureAlgorithm, publicKey, message, signature)
    this.#outcomes.set(facts.spkiSha256, outcome)
    return outcome
  }
}

/** @throws DerError for whatever is not exactly one list */
export function readCrl(der: Uint8Array, source: string): Crl {
  const head = parseCrlHead(der)
  const key = newHashKey()
  const scanned = scanEntries(der, head.entries, { key, ownIssuer: head.issuer.key, version: head.version })
  return new Crl(der, source, head, new RevokedEntries(der, key, scanned))
}
