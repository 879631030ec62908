import type { DecodedCertificate } from '../intake/facts.js'
import { type ExplainOptions, type Explanation, explain } from './explain.js'

export interface NamedCertificate {
  readonly name: string
  /** Reads it; what it throws is the reason why it cannot be read. */
  readonly read: () => Promise<DecodedCertificate>
}

export interface NamedExplanation {
  readonly name: string
  /** A string: why it could not be read. */
  readonly explanation: Explanation | string
}

/** Different certificates that come to one and the same account. */
export interface Collision {
  /** The username; without an account looked up, the value that names it. */
  readonly account: string
  readonly names: readonly string[]
}

export interface ExplainedAll {
  readonly explained: readonly NamedExplanation[]
  readonly collisions: readonly Collision[]
}

/** @param progress told how many are done, after each */
export async function explainAll(
  certificates: readonly NamedCertificate[],
  options: ExplainOptions,
  progress: (done: number) => void,
): Promise<ExplainedAll> {
  const explained: NamedExplanation[] = []
  for (const certificate of certificates) {
    explained.push(await explainNamed(certificate, options))
    progress(explained.length)
  }
  return { explained, collisions: collisionsOf(explained) }
}

async function explainNamed(
  { name, read }: NamedCertificate,
  options: ExplainOptions,
): Promise<NamedExplanation> {
  let decoded: DecodedCertificate
  try {
    decoded = await read()
  } catch (error) {
    return { name, explanation: error instanceof Error ? error.message : String(error) }
  }
  return { name, explanation: await explain(decoded, options) }
}

function collisionsOf(explained: readonly NamedExplanation[]): Collision[] {
  const byAccount = new Map<string, { readonly names: string[]; readonly certificates: Set<string> }>()
  for (const { name, explanation } of explained) {
    if (typeof explanation === 'string' || explanation.decision === 'refuse') continue
    const account = explanation.user?.username ?? explanation.identity?.value
    if (account === undefined) continue
    const found = byAccount.get(account) ?? { names: [], certificates: new Set() }
    byAccount.set(account, found)
    found.names.push(name)
    found.certificates.add(explanation.sha256 ?? name)
  }
  // Two copies of one certificate are one certificate.
  return [...byAccount]
    .filter(([, { certificates }]) => certificates.size > 1)
    .map(([account, { names }]) => ({ account, names }))
}
