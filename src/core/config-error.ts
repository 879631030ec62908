/** One mistake of the operator: where it stands and what to do. Lines and columns count from 1. */
export interface ConfigIssue {
  readonly file: string
  readonly line: number
  readonly column: number
  /** What is wrong, then what to do, in one line. */
  readonly message: string
}

export function formatIssue(issue: ConfigIssue): string {
  return `${issue.file}:${issue.line}:${issue.column}: ${issue.message}`
}

/** Thrown at start with every issue at once; the process ends with exit code 78 (EX_CONFIG). */
export class ConfigError extends Error {
  readonly issues: readonly ConfigIssue[]

  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map(formatIssue).join('\n'))
    this.name = 'ConfigError'
    this.issues = issues
  }
}
