import type { Config, TrustConfig } from '../config/config.js'
import { ConfigError, type ConfigIssue } from '../core/config-error.js'
import type { Crl } from '../revocation/crl/crl.js'
import { readCrlFiles } from '../revocation/crl/crl-files.js'
import type { CrlMemory } from '../revocation/crl/crl-memory.js'
import { isUrl } from './askers.js'

type Lists = ReadonlyMap<string, readonly Crl[]>

/**
 * The CRLs of every trust that asks for them, as far as they are in files. One that is older than what was in use before is left out;
 * what was in use goes on in its place.
 *
 * @throws ConfigError that names each bad file and block
 */
export async function readLists(
  config: Config,
  memory: CrlMemory | null,
  before: Lists | null,
): Promise<Lists> {
  const lists = new Map<string, readonly Crl[]>()
  const issues: ConfigIssue[] = []
  for (const trust of config.trust) {
    if (!asksForLists(trust)) continue
    const found = await readCrlFiles(trust.revocation.crl.filter((where) => !isUrl(where)))
    issues.push(
      ...found.issues.map((issue) => ({
        ...issue,
        column: 1,
        message: `trust ${trust.name}: ${issue.message}`,
      })),
    )
    lists.set(trust.name, found.lists)
  }
  if (issues.length > 0) throw new ConfigError(issues)
  if (memory === null) return lists
  for (const [trust, found] of lists) {
    const { kept, older } = await memory.keepNewest(trust, found)
    const inUse = (before?.get(trust) ?? []).filter((crl) => older.some((one) => isOfSameScope(one, crl)))
    lists.set(trust, [...kept, ...inUse])
  }
  return lists
}

function asksForLists({ revocation: { mode } }: TrustConfig): boolean {
  return mode === 'crl' || mode === 'ocsp-then-crl'
}

function isOfSameScope({ head: one }: Crl, { head: other }: Crl): boolean {
  return (
    one.issuer.key === other.issuer.key &&
    (one.scope?.encoding ?? null) === (other.scope?.encoding ?? null) &&
    (one.baseNumber === null) === (other.baseNumber === null)
  )
}
