import type { Config, TrustConfig } from '../config/config.js'
import { Fetcher } from '../revocation/fetch/fetcher.js'
import { OcspSource } from '../revocation/ocsp/ocsp-source.js'

/** Who is asked for one trust, by what rules. */
export interface Responder {
  readonly source: OcspSource
  readonly fetcher: Fetcher
  /** The same for the same rules: what was answered under them holds still. */
  readonly mark: string
}

export type Responders = ReadonlyMap<string, Responder>

/**
 * One source for each trust that asks by OCSP. One whose rules are what they were goes on, with all that it
 * was told.
 */
export function openResponders(config: Config, before: Responders | null, onRevoked: () => void): Responders {
  const asking = config.trust.filter(
    ({ revocation: { mode } }) => mode === 'ocsp' || mode === 'ocsp-then-crl',
  )
  return new Map(
    asking.map((trust) => {
      const known = before?.get(trust.name)
      return [trust.name, known?.mark === markOf(trust) ? known : openResponder(trust, onRevoked)]
    }),
  )
}

function openResponder(trust: TrustConfig, onChange: () => void): Responder {
  const { responder, fetch } = trust.revocation
  const allow = responder === null ? fetch.allow : [...fetch.allow, new URL(responder).host]
  const fetcher = new Fetcher({ allow, private: fetch.private })
  return { fetcher, source: new OcspSource({ fetcher, responder, onChange }), mark: markOf(trust) }
}

function markOf({ revocation: { responder, fetch } }: TrustConfig): string {
  return JSON.stringify([responder, fetch])
}

/** Ends those that are in use no more. */
export async function closeResponders(closing: Responders, kept: Responders | null): Promise<void> {
  const ended = [...closing].filter(([name, responder]) => kept?.get(name) !== responder)
  for (const [, { source }] of ended) source.close()
  await Promise.all(ended.map(([, { fetcher }]) => fetcher.close()))
}
