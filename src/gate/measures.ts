import type { Decision } from './decision.js'

/** The parts of a decision that are timed. */
export type DecisionStage = 'intake' | 'verify' | 'account' | 'sign_in' | 'audit'

/** Told while requests are decided: whoever listens adds to numbers, and never throws. */
export interface GateMeasures {
  decided(decision: Decision): void
  stageTook(stage: DecisionStage, durationMs: number): void
  /** Whether a certificate's verdict was at hand. */
  verdictLooked(result: 'hit' | 'miss'): void
  sessionBegan(): void
  auditFailed(): void
}

export const noMeasures: GateMeasures = {
  decided: () => undefined,
  stageTook: () => undefined,
  verdictLooked: () => undefined,
  sessionBegan: () => undefined,
  auditFailed: () => undefined,
}
