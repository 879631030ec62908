import type { FaultCode } from '../../core/faults.js'
import { type RefusalCode, refusalTexts } from '../../core/refusals.js'
import { Durations } from './duration-histogram.js'

/** The parts of a request that are timed. `upstream`: until the head of Mattermost's answer. */
const timedStages = ['intake', 'verify', 'account', 'sign_in', 'audit', 'upstream'] as const
export type TimedStage = (typeof timedStages)[number]

/** How Mattermost failed: not reached, too slow, the connection lost midway, an answer that is not HTTP. */
export type UpstreamErrorKind = 'unreachable' | 'timeout' | 'connection_lost' | 'invalid_answer'

export type TokenEventKind = 'created' | 'replaced' | 'revoked'

export type CacheResult = 'hit' | 'miss'

/** Close codes that are counted by themselves; a peer may choose among thousands, and is `other` then. */
const closeCodes: readonly number[] = [
  1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013, 4401, 4403, 4409,
]

/** Of an anchor, an intermediate or the listener's own certificate; `trust` is empty for the last. */
export interface CertificateEnd {
  readonly role: 'anchor' | 'intermediate' | 'server'
  readonly trust: string
  readonly subject: string
  readonly notAfterMs: number
}

export interface CrlEnd {
  readonly trust: string
  readonly issuer: string
  readonly nextUpdateMs: number
}

/** An address that lists or answers are fetched from. */
export interface PlaceState {
  readonly trust: string
  readonly kind: 'crl' | 'ocsp'
  readonly url: string
  /** Null: the last thing that came from there was good. */
  readonly failure: string | null
}

/** Plain numbers: counting on the way of a request costs a few nanoseconds, writing them out comes later. */
export interface Counts {
  allowed: number
  readonly refused: Record<RefusalCode, number>
  readonly stages: ReadonlyMap<TimedStage, Durations>
  readonly verdictCache: Record<CacheResult, number>
  readonly upstreamErrors: Record<UpstreamErrorKind, number>
  readonly faults: Record<FaultCode | 'internal', number>
  websocketsOpen: number
  websocketsOpened: number
  readonly websocketsEnded: Map<string, number>
  signIns: number
  readonly tokens: Record<TokenEventKind, number>
  auditFailures: number
  auditWritable: boolean
  reloadSucceeded: boolean
  reloadedAtMs: number
  readonly reloads: Record<'taken' | 'refused', number>
  certificates: readonly CertificateEnd[]
  crls: readonly CrlEnd[]
  places: readonly PlaceState[]
}

export function noCounts(nowMs: number): Counts {
  return {
    allowed: 0,
    refused: noneRefused(),
    stages: new Map(timedStages.map((stage) => [stage, new Durations()])),
    verdictCache: { hit: 0, miss: 0 },
    upstreamErrors: { unreachable: 0, timeout: 0, connection_lost: 0, invalid_answer: 0 },
    faults: {
      ERR_MATTERMOST_UNREACHABLE: 0,
      ERR_MATTERMOST_ANSWER: 0,
      ERR_MATTERMOST_CREDENTIAL: 0,
      ERR_STORE_DAMAGED: 0,
      ERR_STORE_KEY: 0,
      ERR_STORE_IO: 0,
      ERR_AUDIT_IO: 0,
      ERR_TRUST_FILE: 0,
      ERR_CONNECTION_LOST: 0,
      internal: 0,
    },
    websocketsOpen: 0,
    websocketsOpened: 0,
    websocketsEnded: new Map([...closeCodes.map(String), 'other'].map((code) => [code, 0])),
    signIns: 0,
    tokens: { created: 0, replaced: 0, revoked: 0 },
    auditFailures: 0,
    auditWritable: true,
    reloadSucceeded: true,
    reloadedAtMs: nowMs,
    reloads: { taken: 0, refused: 0 },
    certificates: [],
    crls: [],
    places: [],
  }
}

function noneRefused(): Record<RefusalCode, number> {
  const entries = Object.keys(refusalTexts).map((code) => [code, 0] as const)
  return Object.fromEntries(entries) as Record<RefusalCode, number>
}
