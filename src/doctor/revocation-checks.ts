import { randomBytes } from 'node:crypto'
import type { Config } from '../config/config.js'
import type { Clock } from '../core/clock.js'
import { type ListFreshness, revocationHealth } from '../gate/revocation-health.js'
import type { Ruling } from '../gate/ruling.js'
import { encodeOcspRequest } from '../revocation/ocsp/request.js'
import { type Finding, fail, ok, warn } from './finding.js'

/** How near its end a list may be before somebody should look, as a part of its whole time. */
const lastPart = 0.1
const askMs = 8_000

/** How fresh the CRLs of files and URLs are, and whether the responders answer. Nothing that is fetched is kept. */
export async function checkRevocation(ruling: Ruling, clock: Clock): Promise<Finding[]> {
  const { config, askers } = ruling
  if (config.trust.every(({ revocation }) => revocation.mode === 'none'))
    return [ok('revocation', 'no trust looks up whether certificates are revoked (revocation.mode: none)')]
  await Promise.all([...askers.lists.values()].map(({ source }) => source.fetchAll()))
  const { lists, places } = revocationHealth(ruling)
  const findings = [
    ...lists.flatMap((list) => freshness(list, config, clock.now())),
    ...places.flatMap(({ trust, url, failure }) =>
      failure === null
        ? []
        : [fail('revocation', `trust ${trust}: no CRL from ${url}: ${failure}`, remedies[failure] ?? seeUrl)],
    ),
    ...(await Promise.all(config.trust.map(({ name }) => checkResponder(name, ruling)))).flat(),
  ]
  if (findings.length > 0) return findings
  return [
    ok('revocation', `${lists.length} CRLs are in time, and every responder that is configured answers`),
  ]
}

const seeUrl = 'look at what that address offers (curl), and correct crl or fetch in the configuration'

const remedies: Readonly<Record<string, string>> = {
  address_refused:
    'it leads to a private or loopback address: set fetch.private to true, if that is what you mean',
  host_not_allowed: 'add its host to fetch.allow',
  timeout: 'see that this machine may reach it (firewall, DNS)',
  unreachable: 'see that this machine may reach it (firewall, DNS)',
}

function freshness(list: ListFreshness, config: Config, now: number): Finding[] {
  const { trust, issuer, source, thisUpdate, nextUpdate } = list
  const which = `trust ${trust}: the CRL of ${issuer} from ${source}`
  const graceMs = config.trust.find(({ name }) => name === trust)?.revocation.graceMs ?? 0
  if (nextUpdate === null)
    return [
      fail('revocation', `${which} does not say when its next one is due`, 'have it issued with nextUpdate'),
    ]
  const due = new Date(nextUpdate).toISOString()
  if (now > nextUpdate + graceMs)
    return [fail('revocation', `${which} was due for renewal ${due}: nobody is let in by it`, getNewer)]
  if (now > nextUpdate)
    return [warn('revocation', `${which} was due for renewal ${due}: it counts by grace alone`, getNewer)]
  const isEnding = nextUpdate - now < (nextUpdate - thisUpdate) * lastPart
  return isEnding ? [warn('revocation', `${which} is due for renewal ${due}`, getNewer)] : []
}

const getNewer =
  'put a newer one in its place, and see that this is done by itself (a timer, or a URL in crl)'

/** Any answer will do: what the responder says of a certificate is for its holder to ask. */
async function checkResponder(trust: string, { askers, trusts, config }: Ruling): Promise<Finding[]> {
  const url = config.trust.find(({ name }) => name === trust)?.revocation.responder ?? null
  const asker = askers.responders.get(trust)
  const [anchor] = trusts.trusts.find(({ name }) => name === trust)?.anchors ?? []
  if (url === null || asker === undefined || anchor === undefined) return []
  const { subject: issuerName, publicKey: issuerKey } = anchor.encoded
  const request = { issuerName, issuerKey, serial: Uint8Array.of(0x01) }
  const answer = await asker.fetcher.fetch({
    ...{ url, maxBytes: 65_536, timeoutMs: askMs, accept: 'application/ocsp-response' },
    body: { bytes: encodeOcspRequest(request, randomBytes(32)), contentType: 'application/ocsp-request' },
  })
  if (!('failure' in answer)) return []
  const text = `trust ${trust}: the responder ${url} gives no answer: ${answer.failure}`
  return [
    fail('revocation', text, remedies[answer.failure] ?? 'see that it is running, and correct responder'),
  ]
}
