import { DerError, type DerLimits, readDer } from '../../x509/der.js'
import { DerReader, objectIdentifierOf, tags } from '../../x509/der-values.js'
import { readGeneralName } from '../../x509/general-names.js'
import { type Name, readName } from '../../x509/name.js'
import { readTime } from '../../x509/validity.js'
import { type HashKey, keyedHash } from './keyed-hash.js'
import { tlvAt } from './tlv.js'

const entryExtensions = {
  reasonCode: '2.5.29.21',
  holdInstructionCode: '2.5.29.23',
  invalidityDate: '2.5.29.24',
  certificateIssuer: '2.5.29.29',
} as const

/** Small: one entry at a time is read into a tree. */
const entryLimits: DerLimits = { maxBytes: 65_536, maxDepth: 16, maxNodes: 1_024, maxOidBytes: 128 }

export interface RevokedEntry {
  /** Milliseconds since 1970. */
  readonly revokedAt: number
  /** CRLReason (RFC 5280 §5.3.1); null: not stated. */
  readonly reason: number | null
  /** The key of the name of who issued the certificate; null: whoever issued the list. */
  readonly issuerKey: string | null
}

/** What a scan leaves: places in the DER by the serial number at each, for look-ups without a tree. */
export interface ScannedEntries {
  readonly count: number
  /** Open addressing: one more than the place of an entry, 0 for none; a power of two long. */
  readonly slots: Uint32Array
  /** For each slot which of `issuers` issued that certificate; empty where the list is of one issuer. */
  readonly issuerOf: Uint32Array
  /** Keys of names; the first stands for the list's own issuer. */
  readonly issuers: readonly string[]
  /** A critical entry extension that is not known: nothing may be concluded from the list (§5.3). */
  readonly hasUnknownCritical: boolean
}

/**
 * Scans the entries of a list once (RFC 5280 §5.1.2.6). Every entry is held to its form; what cannot be
 * read fails the list as a whole.
 *
 * @param range of the content of revokedCertificates; empty where the list has none
 * @param ownIssuer the key of the name of the list's issuer
 * @throws DerError
 */
export function scanEntries(
  der: Uint8Array,
  range: { readonly start: number; readonly end: number },
  options: { readonly key: HashKey; readonly ownIssuer: string; readonly version: 1 | 2 },
): ScannedEntries {
  const places: number[] = []
  const issuers = new Map([[options.ownIssuer, 0]])
  const issuerIndices: number[] = []
  let issuer = 0
  let hasUnknownCritical = false
  for (let at = range.start; at < range.end; ) {
    const entry = tlvAt(der, at, range.end)
    const extensions = checkEntry(der, entry)
    if (extensions !== null) {
      if (options.version === 1) throw new DerError('an entry with extensions in a list of version 1')
      const found = readEntryExtensions(der.subarray(extensions.start, extensions.end))
      hasUnknownCritical ||= found.hasUnknownCritical
      if (found.issuer !== null) issuer = indexOf(issuers, found.issuer.key)
    }
    places.push(at)
    issuerIndices.push(issuer)
    at = entry.end
  }
  return {
    ...tableOf(der, places, issuerIndices, options.key, issuers.size > 1),
    issuers: [...issuers.keys()],
    hasUnknownCritical,
    count: places.length,
  }
}

/** A list speaks for some authorities; of one serial number below each of them the table holds a place. */
const mostIssuers = 4_096

function indexOf(issuers: Map<string, number>, key: string): number {
  const known = issuers.get(key)
  if (known !== undefined) return known
  if (issuers.size >= mostIssuers)
    throw new DerError(`a list that speaks for more than ${mostIssuers} issuers`)
  issuers.set(key, issuers.size)
  return issuers.size - 1
}

interface Range {
  readonly start: number
  readonly end: number
}

/** `SEQUENCE { serial, revocationDate, crlEntryExtensions OPTIONAL }`; where the extensions stand, or null. */
function checkEntry(
  der: Uint8Array,
  entry: { identifier: number; contentStart: number; end: number },
): Range | null {
  if (entry.identifier !== tags.sequence) throw new DerError('an entry of another type')
  const serial = tlvAt(der, entry.contentStart, entry.end)
  if (serial.identifier !== tags.integer || !isShortestInteger(der, serial.contentStart, serial.end)) {
    throw new DerError('an entry without a proper serial number')
  }
  const date = tlvAt(der, serial.end, entry.end)
  readTime(readDer(der.subarray(date.start, date.end), entryLimits), 'a revocation date')
  if (date.end === entry.end) return null
  const extensions = tlvAt(der, date.end, entry.end)
  if (extensions.identifier !== tags.sequence || extensions.end !== entry.end)
    throw new DerError('an entry that holds more than it may')
  return { start: extensions.start, end: extensions.end }
}

function isShortestInteger(der: Uint8Array, start: number, end: number): boolean {
  const [first, second] = [der[start], der[start + 1]]
  if (first === undefined || start === end || end - start > 65_535) return false
  if (end - start === 1 || second === undefined) return true
  return !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
}

interface EntryExtensions {
  readonly reason: number | null
  readonly issuer: Name | null
  readonly hasUnknownCritical: boolean
}

function readEntryExtensions(der: Uint8Array): EntryExtensions {
  const sequence = readDer(der, entryLimits)
  if (sequence.children.length === 0) throw new DerError('empty entry extensions')
  const seen = new Set<string>()
  let found: EntryExtensions = { reason: null, issuer: null, hasUnknownCritical: false }
  for (const child of sequence.children) {
    const reader = new DerReader(child, tags.sequence, 'an entry extension')
    const type = objectIdentifierOf(reader.take(tags.objectIdentifier, 'the type of an entry extension'))
    const critical = reader.takeOptional(tags.boolean)
    if (critical?.content[0] === 0) throw new DerError('an entry extension whose default is written out')
    const { content } = reader.take(tags.octetString, 'the value of an entry extension')
    reader.end()
    if (seen.has(type)) throw new DerError(`the entry extension ${type} twice`)
    seen.add(type)
    found = { ...found, ...readEntryExtension(type, content, critical !== null) }
  }
  return found
}

function readEntryExtension(type: string, content: Uint8Array, critical: boolean): Partial<EntryExtensions> {
  const { reasonCode, certificateIssuer, holdInstructionCode, invalidityDate } = entryExtensions
  if (type === reasonCode) return { reason: readReason(content) }
  if (type === certificateIssuer) return { issuer: readIssuer(content) }
  const known = type === holdInstructionCode || type === invalidityDate
  return critical && !known ? { hasUnknownCritical: true } : {}
}

const enumerated = 0x0a

function readReason(content: Uint8Array): number {
  const value = readDer(content, entryLimits)
  const reason = value.content[0]
  if (value.identifier !== enumerated || value.content.length !== 1 || reason === undefined || reason > 10) {
    throw new DerError('a reason that is none')
  }
  return reason
}

/** §5.3.3: the names of the issuer, one of them a directory name. */
function readIssuer(content: Uint8Array): Name {
  const names = readDer(content, entryLimits)
  if (names.identifier !== tags.sequence) throw new DerError('a certificate issuer of another type')
  for (const name of names.children) {
    const [inner] = name.children
    if (readGeneralName(name).form === 'directoryName' && inner !== undefined)
      return readName(inner, 'a certificate issuer')
  }
  throw new DerError('a certificate issuer without a directory name')
}

function tableOf(
  der: Uint8Array,
  places: readonly number[],
  issuerIndices: readonly number[],
  key: HashKey,
  manyIssuers: boolean,
): Pick<ScannedEntries, 'slots' | 'issuerOf'> {
  // At most two thirds full: a miss ends after two or three looks.
  const size = 2 ** Math.ceil(Math.log2(Math.max(8, places.length * 1.5)))
  const slots = new Uint32Array(new SharedArrayBuffer(size * 4))
  const issuerOf = new Uint32Array(new SharedArrayBuffer(manyIssuers ? size * 4 : 0))
  for (const [at, place] of places.entries()) {
    const [start, end] = serialRange(der, place)
    const issuer = issuerIndices[at] ?? 0
    // What is listed twice stands in the table once: else a list of one number, over and over, would take for ever.
    const isKnown = (slot: number) =>
      (issuerOf[slot] ?? 0) === issuer && isSame(der, serialRange(der, (slots[slot] ?? 1) - 1), [start, end])
    let slot = keyedHash(key, der, start, end) & (size - 1)
    while (slots[slot] !== 0 && !isKnown(slot)) slot = (slot + 1) & (size - 1)
    if (slots[slot] !== 0) continue
    slots[slot] = place + 1
    if (manyIssuers) issuerOf[slot] = issuer
  }
  return { slots, issuerOf }
}

function isSame(
  der: Uint8Array,
  [start, end]: readonly [number, number],
  [otherStart, otherEnd]: readonly [number, number],
): boolean {
  if (end - start !== otherEnd - otherStart) return false
  for (let at = start; at < end; at += 1) if (der[at] !== der[otherStart + at - start]) return false
  return true
}

/** Where the content of the serial number of the entry at this place stands; the scan has checked it. */
function serialRange(der: Uint8Array, place: number): readonly [start: number, end: number] {
  const entry = tlvAt(der, place, der.length)
  const serial = tlvAt(der, entry.contentStart, entry.end)
  return [serial.contentStart, serial.end]
}

/** Looks certificates up in a scanned list. */
export class RevokedEntries {
  readonly #der: Uint8Array
  readonly #key: HashKey
  readonly #scanned: ScannedEntries

  constructor(der: Uint8Array, key: HashKey, scanned: ScannedEntries) {
    this.#der = der
    this.#key = key
    this.#scanned = scanned
  }

  get count(): number {
    return this.#scanned.count
  }

  get hasUnknownCritical(): boolean {
    return this.#scanned.hasUnknownCritical
  }

  /**
   * @param serial content octets of the certificate's serial number
   * @param issuerKey the key of the name of who issued the certificate
   */
  find(serial: Uint8Array, issuerKey: string): RevokedEntry | null {
    const { slots, issuerOf, issuers } = this.#scanned
    const mask = slots.length - 1
    let slot = keyedHash(this.#key, serial, 0, serial.length) & mask
    for (let taken = slots[slot]; taken !== undefined && taken !== 0; taken = slots[slot]) {
      const place = taken - 1
      const issuer = issuers[issuerOf[slot] ?? 0]
      if (issuer === issuerKey && this.#isSerial(place, serial)) return this.#entryAt(place, issuer)
      slot = (slot + 1) & mask
    }
    return null
  }

  #isSerial(place: number, serial: Uint8Array): boolean {
    const [start, end] = serialRange(this.#der, place)
    if (end - start !== serial.length) return false
    for (let at = 0; at < serial.length; at += 1) if (this.#der[start + at] !== serial[at]) return false
    return true
  }

  #entryAt(place: number, issuerKey: string): RevokedEntry {
    const entry = tlvAt(this.#der, place, this.#der.length)
    const serial = tlvAt(this.#der, entry.contentStart, entry.end)
    const date = tlvAt(this.#der, serial.end, entry.end)
    const revokedAt = readTime(
      readDer(this.#der.slice(date.start, date.end), entryLimits),
      'a revocation date',
    )
    if (date.end === entry.end) return { revokedAt, reason: null, issuerKey }
    const { reason } = readEntryExtensions(this.#der.slice(date.end, entry.end))
    return { revokedAt, reason, issuerKey }
  }
}
