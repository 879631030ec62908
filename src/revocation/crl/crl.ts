import type { ParsedCertificate } from '../../x509/certificate.js'
import { DerError } from '../../x509/der.js'
import { type SignatureOutcome, verifySignature } from '../../x509/signature.js'
import { newHashKey } from './keyed-hash.js'
import { type CrlHead, parseCrlHead } from './parse-crl.js'
import { RevokedEntries, type ScannedEntries, scanEntries } from './revoked-entries.js'
import type { ScanOrder, ScanReport } from './scan-worker.js'
import { inThread } from './thread.js'

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
  const options = scanOptions(head)
  return new Crl(
    der,
    source,
    head,
    new RevokedEntries(der, options.key, scanEntries(der, head.entries, options)),
  )
}

/** Longer lists are scanned in a thread of their own: others are served meanwhile. */
const longBytes = 262_144

/** The same where a list may be long. @throws DerError */
export async function readLongCrl(der: Uint8Array, source: string): Promise<Crl> {
  if (der.length < longBytes) return readCrl(der, source)
  const shared = new SharedArrayBuffer(der.length)
  const bytes = new Uint8Array(shared)
  bytes.set(der)
  const head = parseCrlHead(bytes)
  const options = scanOptions(head)
  const scanned = await scanInThread({ der: shared, range: head.entries, options })
  return new Crl(bytes, source, head, new RevokedEntries(bytes, options.key, scanned))
}

function scanOptions({ issuer, version }: CrlHead): ScanOrder['options'] {
  return { key: newHashKey(), ownIssuer: issuer.key, version }
}

async function scanInThread(order: ScanOrder): Promise<ScannedEntries> {
  const report = await inThread<ScanReport>('./scan-worker', order)
  if ('problem' in report) throw new DerError(report.problem)
  return report.scanned
}
