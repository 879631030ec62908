import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.js'
import { type Finding, fail, ok, reasonOf, skipped, warn } from './finding.js'
import { type ConnectTo, type ProbeAnswer, type ProbeRequest, probe } from './probe.js'

export interface PublicOptions {
  readonly connectTo: ConnectTo | null
  /** Whether nginx has other TLS servers beside the one that leads to the gateway; null: unknown. */
  readonly otherServers: boolean | null
}

/** Whether a stranger at the public address can pass a certificate off as his own. */
export async function checkPublicAddress(config: Config, options: PublicOptions): Promise<Finding[]> {
  const { connectTo } = options
  if (!config.public.url.startsWith('https:')) {
    return [skipped('nginx.forgery', 'public.url is http: there is no TLS to look at')]
  }
  const url = `${config.public.url}/.mattergate/whoami`
  const plain = await answerTo({ url, connectTo })
  if (typeof plain === 'string') return [unreachable(config, plain)]
  if (!isOurs(plain)) return [leadsElsewhere(config, plain)]
  return [
    ...certificateOf(config, plain),
    await forged(config, { url, connectTo }, plain),
    await otherName(url, options),
  ]
}

async function answerTo(request: ProbeRequest): Promise<ProbeAnswer | string> {
  try {
    return await probe(request)
  } catch (error) {
    return reasonOf(error)
  }
}

function unreachable({ public: { url } }: Config, reason: string): Finding {
  const remedy =
    'start nginx and the gateway, or name --connect HOST:PORT where this machine does not know the address'
  return fail('nginx.forgery', `${url} does not answer: ${reason}`, remedy)
}

/** Whoami answers in JSON with the decision, whatever was decided. */
function isOurs({ body }: ProbeAnswer): boolean {
  return /"decision":"(allow|refuse)"/.test(body)
}

function leadsElsewhere({ public: { url } }: Config, { status }: ProbeAnswer): Finding {
  const text = `${url} answers ${status}, and it is not the gateway that answers`
  return fail('nginx.forgery', text, 'let nginx hand every path of this address to the gateway')
}

function certificateOf({ public: { url } }: Config, { untrusted }: ProbeAnswer): Finding[] {
  if (untrusted === null) return []
  const text = `this machine does not trust the certificate of ${url}: ${untrusted}`
  return [
    warn('nginx.configuration', text, 'see that nginx sends the whole chain; with a private CA all is well'),
  ]
}

/** A CA's certificate is public: sent as one's own it must not even be looked at. */
async function forged(
  config: Config,
  request: Pick<ProbeRequest, 'url' | 'connectTo'>,
  plain: ProbeAnswer,
): Promise<Finding> {
  const [trust] = config.trust
  if (trust === undefined) return skipped('nginx.forgery', 'there is no trust')
  const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(
    await readFile(trust.ca, 'latin1'),
  )?.[0]
  const { certificateHeader, verifyHeader } = config.proxy
  const headers = {
    [certificateHeader]: encodeURIComponent(pem ?? ''),
    ...(verifyHeader === null ? {} : { [verifyHeader]: 'SUCCESS' }),
  }
  const answer = await answerTo({ ...request, headers })
  if (typeof answer === 'string')
    return fail(
      'nginx.forgery',
      `a forged header ends the connection: ${answer}`,
      'look into the error log of nginx',
    )
  if (codeOf(answer) === codeOf(plain)) {
    return ok(
      'nginx.forgery',
      `a certificate header that a client writes is not looked at (${codeOf(answer) ?? answer.status})`,
    )
  }
  const text = `a certificate header that a client writes reaches the gateway (${codeOf(answer) ?? answer.status}): anybody can be anybody`
  return fail('nginx.forgery', text, `set ${certificateHeader} in every location that leads to the gateway`)
}

/**
 * Where the handshake was for another name, another server block may have asked for no certificate, or
 * checked it against another CA; with this one TLS server alone there is nothing to confuse.
 */
async function otherName(url: string, { connectTo, otherServers }: PublicOptions): Promise<Finding> {
  const answer = await answerTo({ url, connectTo, serverName: 'mattergate-doctor.invalid' })
  if (typeof answer === 'string' || !isOurs(answer)) {
    return ok('nginx.names', 'a handshake for another name does not lead to the gateway')
  }
  if (otherServers === false)
    return ok('nginx.names', 'nginx has this one TLS server: every name leads to it')
  const text = 'a handshake for another name leads to the gateway: nginx goes by Host alone'
  const remedy = 'add a default server with ssl_reject_handshake on;'
  return warn('nginx.names', text, remedy)
}

function codeOf({ body }: ProbeAnswer): string | null {
  return /"reason":"(\w+)"/.exec(body)?.[1] ?? null
}
