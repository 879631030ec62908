export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** The ranges that a Range header asks of `size` bytes (RFC 9110 section 14); null: the whole. */
export function readRanges(header: string | undefined, size: number): ByteRange[] | 'unsatisfiable' | null {
  const specs = /^bytes=(.+)$/.exec(header ?? '')?.[1]?.split(',')
  if (specs === undefined) return null
  const ranges: ByteRange[] = []
  for (const spec of specs) {
    const found = /^\s*(\d*)-(\d*)\s*$/.exec(spec)
    if (found === null || (found[1] === '' && found[2] === '')) return 'unsatisfiable'
    const range = resolveRange(found[1] ?? '', found[2] ?? '', size)
    if (range.first < size && range.first <= range.last) ranges.push(range)
  }
  return ranges.length === 0 ? 'unsatisfiable' : ranges
}

function resolveRange(first: string, last: string, size: number): ByteRange {
  if (first === '') return { first: Math.max(0, size - Number(last)), last: size - 1 }
  return { first: Number(first), last: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}
