/** One request of the demo: what should have come of it, and what did. */
export interface Row {
  readonly caller: string
  readonly request: string
  readonly expected: string
  readonly came: string
}

export function agrees(row: Row): boolean {
  return row.expected === row.came
}

/** A table for a terminal, with a mark before each row that does not agree. */
export function formatTable(rows: readonly Row[]): string {
  const headings: Row = { caller: 'caller', request: 'request', expected: 'expected', came: 'came' }
  const columns = ['caller', 'request', 'expected', 'came'] as const
  const widths = columns.map((column) => Math.max(...[headings, ...rows].map((row) => row[column].length)))
  const line = (row: Row, mark: string) =>
    `${mark} ${columns.map((column, at) => row[column].padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd()
  const rule = `  ${widths.map((width) => '-'.repeat(width)).join('  ')}`
  const body = rows.map((row) => line(row, agrees(row) ? ' ' : '!'))
  return `${[line(headings, ' '), rule, ...body].join('\n')}\n`
}
