/** How the configuration writes durations, sizes and modes. A number without its unit is a mistake. */
export const durationPattern = '^[0-9]{1,9}(ms|s|m|h|d)$'
export const sizePattern = '^[0-9]{1,9}(B|KiB|MiB|GiB)$'
export const modePattern = '^0?[0-7]{3}$'

const durationUnits: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

const sizeUnits: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 1_024],
  ['MiB', 1_048_576],
  ['GiB', 1_073_741_824],
])

/** Milliseconds; null for what is no duration. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, durationPattern, durationUnits)
}

/** Bytes; null for what is no size. */
export function parseSize(text: string): number | null {
  return parseQuantity(text, sizePattern, sizeUnits)
}

/** Permission bits; null for what is no octal mode. */
export function parseMode(text: string): number | null {
  return new RegExp(modePattern).test(text) ? Number.parseInt(text, 8) : null
}

function parseQuantity(text: string, pattern: string, units: ReadonlyMap<string, number>): number | null {
  const unit = units.get(new RegExp(pattern).exec(text)?.[1] ?? '')
  return unit === undefined ? null : Number.parseInt(text, 10) * unit
}
