/** Settings of the server, named as in config.json. They may be changed while it runs. */
export interface Settings {
  siteUrl: string
  allowCorsFrom: string
  enableUserAccessTokens: boolean
  experimentalStrictCsrfEnforcement: boolean
  allowCookiesForSubdomains: boolean
  enableOpenServer: boolean
  showEmailAddress: boolean
  restrictCreationToDomains: string
  maxFileSizeBytes: number
  trustedProxyIpHeader: string[]
  /** Whether there is the plugin `echo`. */
  echoPlugin: boolean
  /** Null: no limit. By the peer's address, the local-mode socket excepted. */
  rateLimit: { perSec: number; maxBurst: number } | null
}

export const defaultSettings: Readonly<Omit<Settings, 'siteUrl'>> = {
  allowCorsFrom: '',
  enableUserAccessTokens: true,
  experimentalStrictCsrfEnforcement: false,
  allowCookiesForSubdomains: false,
  enableOpenServer: true,
  showEmailAddress: true,
  restrictCreationToDomains: '',
  maxFileSizeBytes: 104_857_600,
  trustedProxyIpHeader: [],
  echoPlugin: true,
  rateLimit: null,
}
