/** What a verified certificate says about who its holder is: one value, read by one rule. */
export interface Identity {
  /** The name of the trust under which the certificate was verified. */
  readonly trust: string
  /** The rule that yielded the value, for the audit: `san.email`, `subject.cn`, … */
  readonly rule: string
  /** The value, folded A–Z and checked against the alphabet of what it is matched with. */
  readonly value: string
  readonly match: 'email' | 'username'
}
