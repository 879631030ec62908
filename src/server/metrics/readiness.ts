/** With one of these no request can be let in: `/readyz` is 503. */
const unready = {
  starting: 'the gateway is starting',
  draining: 'the gateway is stopping',
  trust_missing: 'no trust is loaded: nobody can be verified',
  store_unavailable: 'the store cannot be used: see the log',
  audit_unavailable: 'the audit file cannot be written: see the disk and the log',
} as const

/** With one of these the gateway works on, and somebody should look. */
const degraded = {
  mattermost_unreachable: 'Mattermost does not answer',
  admin_credential_refused: "Mattermost refuses the administrator's credential",
  site_url_differs: 'public.url and the SiteURL of Mattermost differ: websockets are refused',
  reload_refused: 'the last reload was refused: what ran goes on, see the log',
  crl_late: 'a CRL is past its next update',
  ocsp_unavailable: 'an OCSP responder gives no answer',
  certificate_ending: 'a certificate authority or the server certificate ends soon',
} as const

export type ConditionCode = keyof typeof unready | keyof typeof degraded

export interface ReadinessReason {
  readonly code: ConditionCode
  readonly message: string
}

/** The body of `/readyz`. */
export interface ReadinessReport {
  readonly status: 'ready' | 'degraded' | 'unready'
  readonly reasons: readonly ReadinessReason[]
}

/** More than one file of trust may be late at once; the list stays readable. */
const mostReasons = 64

/**
 * What is wrong right now, set and cleared by whoever knows it. A new one is `starting` until that is
 * cleared. Messages are shown to whoever asks: they name files, hosts and trusts, never people or secrets.
 */
export class Readiness {
  readonly #reasons = new Map<string, ReadinessReason>()
  readonly #onChange: (report: ReadinessReport) => void

  /** @param onChange told the new report whenever it is another one, such as for the log and systemd */
  constructor(onChange: (report: ReadinessReport) => void = () => undefined) {
    this.#onChange = onChange
    this.#reasons.set(conditionKey('starting', ''), { code: 'starting', message: unready.starting })
  }

  /**
   * @param message in place of the condition's own sentence
   * @param about tells several of one condition apart, such as a file
   */
  set(code: ConditionCode, message: string = sentence(code), about = ''): void {
    const key = conditionKey(code, about)
    if (this.#reasons.get(key)?.message === message) return
    if (!this.#reasons.has(key) && this.#reasons.size >= mostReasons && !isUnready(code)) return
    this.#reasons.set(key, { code, message })
    this.#onChange(this.report())
  }

  has(code: ConditionCode, about = ''): boolean {
    return this.#reasons.has(conditionKey(code, about))
  }

  clear(code: ConditionCode, about = ''): void {
    if (this.#reasons.delete(conditionKey(code, about))) this.#onChange(this.report())
  }

  /** For a condition that is looked at again and again. */
  put(code: ConditionCode, isSo: boolean): void {
    if (isSo) this.set(code)
    else this.clear(code)
  }

  /** The reasons that make it unready come first. */
  report(): ReadinessReport {
    const all = [...this.#reasons.values()]
    const grave = all.filter(({ code }) => isUnready(code))
    const reasons = [...grave, ...all.filter(({ code }) => !isUnready(code))]
    if (grave.length > 0) return { status: 'unready', reasons }
    return { status: reasons.length > 0 ? 'degraded' : 'ready', reasons }
  }
}

function isUnready(code: ConditionCode): code is keyof typeof unready {
  return Object.hasOwn(unready, code)
}

function sentence(code: ConditionCode): string {
  return isUnready(code) ? unready[code] : degraded[code]
}

function conditionKey(code: ConditionCode, about: string): string {
  return `${code} ${about}`
}
