/** A compiled pattern of an identity rule, or what is wrong with it: one of both. */
export type CompiledPattern =
  | { readonly pattern: RegExp; readonly problem: null }
  | { readonly pattern: null; readonly problem: string }

const longest = 512

/** Anchored at both ends, in Unicode mode, with exactly one capture group. */
export function compilePattern(source: string): CompiledPattern {
  if (source.length > longest) return wrong(`is longer than ${longest} characters: write a shorter pattern`)
  try {
    // By itself first: `a)(b` would otherwise compile once it is wrapped.
    const groups = new RegExp(`${source}|`, 'u').exec('')?.length
    const pattern = new RegExp(`^(?:${source})$`, 'u')
    new RegExp(source, 'u').test('')
    return groups === 2
      ? { pattern, problem: null }
      : wrong('must have exactly one capture group: write (?:…) for the others')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return wrong(`is no regular expression: ${reason}`)
  }
}

/** A repeated group that itself repeats, such as `(a+)+`: such patterns may take very long. */
export function nestsRepetition(source: string): boolean {
  return /\((?:[^()\\]|\\.)*[+*](?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,)/u.test(source)
}

function wrong(problem: string): CompiledPattern {
  return { pattern: null, problem }
}
