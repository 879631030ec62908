/** Where a value stands in the configuration: keys and list positions from the root. */
export type KeyPath = readonly (string | number)[]

/** `['trust', 0, 'ca']` → `trust[0].ca`, as people write it; a key of odd characters is quoted. */
export function formatKeyPath(path: KeyPath): string {
  const [first = '', ...rest] = path.map(formatPart)
  return [first.replace(/^\./, ''), ...rest].join('')
}

function formatPart(part: string | number): string {
  if (typeof part === 'number') return `[${part}]`
  return /^[\w.-]+$/.test(part) ? `.${part}` : `.${JSON.stringify(part)}`
}

/** The value at a path, or undefined where the way there is missing or of another kind. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>(child, root)
}

export interface Found {
  readonly path: KeyPath
  readonly value: unknown
}

/** Every value that a pattern such as `trust.*.ca` meets; `*` stands for each position of a list. */
export function findValues(root: unknown, pattern: string): Found[] {
  let found: Found[] = [{ path: [], value: root }]
  for (const part of pattern.split('.')) found = found.flatMap((parent) => step(parent, part))
  return found
}

function step({ path, value }: Found, part: string): Found[] {
  if (part === '*') {
    const items: readonly unknown[] = Array.isArray(value) ? value : []
    return items.map((item, at) => ({ path: [...path, at], value: item }))
  }
  const inner = child(value, part)
  return inner === undefined ? [] : [{ path: [...path, part], value: inner }]
}

function child(parent: unknown, part: string | number): unknown {
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, part)) return undefined
  return (parent as Record<string | number, unknown>)[part]
}
