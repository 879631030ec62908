const units = [
  { name: 'd', ms: 86_400_000, from: 2 * 86_400_000 },
  { name: 'h', ms: 3_600_000, from: 3_600_000 },
  { name: 'min', ms: 60_000, from: 60_000 },
  { name: 's', ms: 1_000, from: 0 },
] as const

/** `2 h old`, `3 d old`: in the largest unit that still tells one day's list from the next's, rounded down. */
export function ageInWords(thenMs: number, nowMs: number): string {
  const ageMs = Math.abs(nowMs - thenMs)
  const unit = units.find(({ from }) => ageMs >= from) ?? units[3]
  const span = `${Math.floor(ageMs / unit.ms)} ${unit.name}`
  // A responder's clock may be ahead of ours by what is tolerated.
  return thenMs > nowMs ? `${span} ahead of this clock` : `${span} old`
}
