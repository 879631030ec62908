import type { TrustConfig } from '../config/config.js'
import type { Ruling } from '../gate/ruling.js'
import { RevocationChecker, type RevocationRules } from '../revocation/checker.js'
import { CrlSource } from '../revocation/crl/crl-source.js'
import { unknown } from '../revocation/sources.js'
import { Verifier } from '../x509/verifier.js'

/**
 * A verifier over the very trusts, lists and responders that the judge asks: the judge gives one verdict,
 * and this one can be asked for every path. What responders said to one is known to the other.
 */
export function pathVerifier({ config, trusts, lists, askers }: Ruling): Verifier {
  const rulesOf = ({ name, revocation }: TrustConfig): RevocationRules => {
    const { mode, whenUnknown, graceMs } = revocation
    const files = lists.get(name) ?? []
    const fetched = askers.lists.get(name)?.source ?? null
    return {
      ...{ mode, whenUnknown },
      ocsp: askers.responders.get(name)?.source ?? {
        status: () => Promise.resolve(unknown('OCSP is not asked')),
      },
      crl: new CrlSource({ lists: () => [...files, ...(fetched?.lists ?? [])], fetched, graceMs }),
    }
  }
  const rules = new Map(config.trust.map((trust) => [trust.name, rulesOf(trust)]))
  return new Verifier(trusts, new RevocationChecker((trust) => rules.get(trust) ?? null))
}
